use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;

use super::{
    answer_to_json, conflict_to_json, edit_to_json, edits_from_json, field_to_json, item_to_json,
    log_entry_to_json, timestamp, value_from_json, value_to_json,
};
use crate::conflict::{Candidate, Conflict, ConflictKind};
use crate::edit::{Answer, Edit, Landed, Op, Touch};
use crate::history::LogEntry;
use crate::policy::Policy;
use crate::schema::{Part, Section};
use crate::value::{ItemId, Value};
use crate::view::{FieldView, ItemView};

fn set(path: &str, value: impl Into<Value>) -> Edit {
    Edit {
        op: Op::Set,
        path: path.to_owned(),
        value: value.into(),
        old: None,
        base: None,
        if_unchanged: false,
    }
}

#[test]
fn one_edit_or_a_list() {
    let one = r#"{"op": "set", "path": "rules/r/enabled", "value": true}"#;
    assert_eq!(edits_from_json(one), Ok(vec![set("rules/r/enabled", true)]));
    let list = r#"[
        {"op": "set", "path": "a", "value": ["x", "y"], "base": "0123", "if_unchanged": true},
        {"op": "replace", "path": "b", "old": "then", "value": "now", "base": null},
        {"op": "add", "path": "tools", "value": {"pattern": "git/*", "limits": {"calls": 5}}},
        {"op": "remove", "path": "c"},
        {"op": "delete", "path": "d"}
    ]"#;
    let mut first = set("a", vec!["x".to_owned(), "y".to_owned()]);
    (first.base, first.if_unchanged) = (Some("0123".to_owned()), true);
    let mut second = Edit { op: Op::Replace, ..set("b", "now") };
    second.old = Some("then".to_owned());
    let limits = BTreeMap::from([("calls".to_owned(), Value::Int(5))]);
    let tool = [("pattern".to_owned(), "git/*".into()), ("limits".to_owned(), limits.into())];
    let third = Edit { op: Op::Add, ..set("tools", BTreeMap::from(tool)) };
    let fourth = Edit { op: Op::Remove, ..set("c", Value::Null) };
    let fifth = Edit { op: Op::Delete, ..set("d", Value::Null) };
    assert_eq!(edits_from_json(list), Ok(vec![first, second, third, fourth, fifth]));
    assert_eq!(edits_from_json("[]"), Ok(vec![]));
}

#[test]
fn refusals_say_where_and_what() {
    let cases = [
        ("{", "not JSON: EOF while parsing an object at line 1 column 1"),
        ("7", "the edit: expected an edit (an object), found a number"),
        (
            r#"[{"op":"delete","path":"a"}, []]"#,
            "edit 2: expected an edit (an object), found a list",
        ),
        (
            r#"{"op":"set","path":"a","valeu":1}"#,
            r#"the edit: unknown field "valeu"; an edit has op, path, value, old, base and if_unchanged"#,
        ),
        (
            r#"[{"op":"put","path":"a"}]"#,
            r#"edit 1: there is no op "put"; there are set, add, replace, append, remove and delete"#,
        ),
        (r#"{"path":"a"}"#, r#"the edit: an edit needs "op""#),
        (r#"{"op":"set","value":1}"#, r#"the edit: an edit needs "path""#),
        (r#"{"op":"set","path":"a"}"#, r#"the edit: set needs "value""#),
        (r#"{"op":"replace","path":"a","value":"b"}"#, r#"the edit: replace needs "old""#),
        (
            r#"{"op":"append","path":"a","value":"b","old":"c"}"#,
            r#"the edit: append takes no "old""#,
        ),
        (r#"{"op":"delete","path":"a","value":"b"}"#, r#"the edit: delete takes no "value""#),
        (r#"{"op":"set","path":7,"value":1}"#, "the edit, path: expected a text, found a number"),
        (
            r#"{"op":"set","path":"a","value":1,"if_unchanged":"yes"}"#,
            "the edit, if_unchanged: expected true or false, found a text",
        ),
        (
            r#"[{"op":"set","path":"a","value":{"limits":{"usd":1.5}}}]"#,
            "edit 1, value.limits.usd: 1.5 is not a whole number of 64 bits; write other numbers as texts",
        ),
        (
            r#"{"op":"set","path":"a","value":["b", null]}"#,
            "the edit, value[1]: expected a text, found null",
        ),
    ];
    for (text, message) in cases {
        assert_eq!(edits_from_json(text).unwrap_err().to_string(), message, "{text}");
    }
}

fn conflict() -> Conflict {
    let candidate = |change, value: &str, by: &str| Candidate {
        change: [change; 32],
        value: value.into(),
        time: 1_772_272_980_000,
        key: [9; 32],
        by: by.to_owned(),
        why: "after incident 12".to_owned(),
        rank: 0,
    };
    Conflict {
        id: "C-0123abcd".to_owned(),
        kind: ConflictKind::Value,
        path: "tools/0000000000000000/effect".to_owned(),
        candidates: vec![candidate(0xab, "ask", "ana"), candidate(0xcd, "deny", "bot")],
        base: "allow".into(),
        policy: "strictest(deny,ask,allow)".parse().unwrap_or(Policy::KeepAll),
        in_force: vec!["deny".into()],
    }
}

#[test]
fn a_conflict() {
    let expected = json!({
        "id": "C-0123abcd",
        "path": "tools/0000000000000000/effect",
        "kind": "value",
        "candidates": [
            {
                "key": "a", "value": "ask", "by": "ana", "at": "2026-02-28T10:03:00.000Z",
                "why": "after incident 12", "v": "abababababababab",
            },
            {
                "key": "b", "value": "deny", "by": "bot", "at": "2026-02-28T10:03:00.000Z",
                "why": "after incident 12", "v": "cdcdcdcdcdcdcdcd",
            },
        ],
        "base": "allow",
        "policy": "strictest(deny,ask,allow)",
        "in_force": ["deny"],
    });
    assert_eq!(conflict_to_json(&conflict()).to_string(), expected.to_string());
}

#[test]
fn answers_leave_out_what_there_is_not() {
    let mut answer = Answer {
        path: "rules/0000000000000000/severity".to_owned(),
        landed: Landed::OnTop,
        replaced: Some("may".into()),
        conflict: None,
        version: "abab".to_owned(),
    };
    let expected = json!({"path": answer.path, "landed": "on_top", "replaced": "may", "v": "abab"});
    assert_eq!(answer_to_json(&answer), expected);
    let touch = Touch { by: "ana".to_owned(), time: 0, why: String::new(), change: [1; 32] };
    answer.landed = Landed::Merged { with: vec![touch] };
    answer.replaced = None;
    let expected = json!({
        "path": answer.path,
        "landed": "merged",
        "with": [{"by": "ana", "at": "1970-01-01T00:00:00.000Z", "why": "", "v": "0101010101010101"}],
        "v": "abab",
    });
    assert_eq!(answer_to_json(&answer), expected);
}

fn field(value: impl Into<Value>) -> FieldView {
    FieldView {
        value: value.into(),
        in_force: vec![],
        candidates: vec![],
        conflict: None,
        entries: BTreeMap::new(),
        version: "abab".to_owned(),
    }
}

#[test]
fn items_and_fields() {
    let mut disputed = field("deny");
    disputed.in_force = vec!["deny".into(), "maybe".into()];
    disputed.conflict = Some(conflict());
    let mut limits = field(BTreeMap::from([("calls".to_owned(), Value::Int(5))]));
    limits.entries = BTreeMap::from([("calls".to_owned(), disputed), ("usd".to_owned(), field(1))]);
    let item = ItemView {
        section: Section::Tools,
        id: ItemId::from_bytes([0; 10]),
        fields: BTreeMap::from([("limits".to_owned(), limits.clone())]),
        conflict: None,
        version: "abab".to_owned(),
    };
    let conflict = conflict_to_json(&conflict());
    let entry =
        json!({"value": "deny", "v": "abab", "in_force": ["deny", "maybe"], "conflict": conflict});
    let limits_json = json!({"value": {"calls": 5}, "v": "abab", "entries": {"calls": entry}});
    assert_eq!(field_to_json(&limits), limits_json);
    let expected = json!({
        "id": "0000000000000000",
        "path": "tools/0000000000000000",
        "v": "abab",
        "fields": {"limits": limits_json},
    });
    assert_eq!(item_to_json(&item), expected);
}

#[test]
fn what_a_policy_has_decided_stays_visible() {
    let Conflict { candidates, .. } = conflict();
    let decided = FieldView { candidates, in_force: vec!["deny".into()], ..field("deny") };
    let json = field_to_json(&decided);
    assert_eq!(json["candidates"], conflict_to_json(&conflict())["candidates"]);
    assert_eq!(json.as_object().unwrap().keys().collect::<Vec<_>>(), ["value", "v", "candidates"]);
}

#[test]
fn a_log_entry() {
    let entry = LogEntry {
        change: "ab".repeat(32),
        part: Part::Section(Section::Rules),
        paths: vec!["rules/0000000000000000/statement".to_owned()],
        by: "ana".to_owned(),
        key: "09".repeat(32),
        client: "wattle".to_owned(),
        time_ms: 1,
        why: "shorter".to_owned(),
        settled: Vec::new(),
    };
    let expected = json!({
        "change": "ab".repeat(32), "document": "rules", "paths": ["rules/0000000000000000/statement"],
        "by": "ana", "key": "09".repeat(32), "client": "wattle", "at": "1970-01-01T00:00:00.001Z",
        "why": "shorter",
    });
    assert_eq!(log_entry_to_json(&entry), expected);
}

#[test]
fn times() {
    let cases = [
        (0, "1970-01-01T00:00:00.000Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (951_827_696_789, "2000-02-29T12:34:56.789Z"),
        (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        (4_107_542_399_999, "2100-02-28T23:59:59.999Z"),
        (-62_167_219_200_000, "0000-01-01T00:00:00.000Z"),
        (i64::MIN, "0000-01-01T00:00:00.000Z"),
        (i64::MAX, "9999-12-31T23:59:59.999Z"),
    ];
    for (ms, text) in cases {
        assert_eq!(timestamp(ms), text);
    }
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        prop::collection::vec(any::<String>(), 0..3).prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop::collection::btree_map(any::<String>(), inner, 0..4).prop_map(Value::from)
    })
}

fn edits() -> impl Strategy<Value = Edit> {
    let ops = [Op::Set, Op::Add, Op::Replace, Op::Append, Op::Remove, Op::Delete];
    let rest = (any::<String>(), values(), any::<String>(), any::<Option<String>>(), any::<bool>());
    (prop::sample::select(Vec::from(ops)), rest).prop_map(
        |(op, (path, value, old, base, if_unchanged))| {
            let value = if op == Op::Delete { Value::Null } else { value };
            Edit { op, path, value, old: (op == Op::Replace).then_some(old), base, if_unchanged }
        },
    )
}

proptest! {
    #[test]
    fn values_come_back(value in values()) {
        prop_assert_eq!(value_from_json(&value_to_json(&value)), Ok(value));
    }

    #[test]
    fn edits_come_back(edits in prop::collection::vec(edits(), 0..4)) {
        let json: serde_json::Value = edits.iter().map(edit_to_json).collect();
        prop_assert_eq!(edits_from_json(&json.to_string()), Ok(edits));
    }

    #[test]
    fn any_text_is_edits_or_refused(text in "\\PC*|\\[?\\{\"(op|path)\":\"(set|a)\"[,\"a-z:\\[{]*\\}?\\]?") {
        if let Ok(edits) = edits_from_json(&text) {
            let json: serde_json::Value = edits.iter().map(edit_to_json).collect();
            prop_assert_eq!(edits_from_json(&json.to_string()), Ok(edits));
        }
    }

    #[test]
    fn times_keep_their_order(a: i64, b: i64) {
        prop_assert!((a <= b) == (timestamp(a) <= timestamp(b)) || timestamp(a) == timestamp(b));
    }
}
