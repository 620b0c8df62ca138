//! Whatever is in a document, all reads end, and say what is wrong.

use automerge::transaction::Transactable;
use automerge::{ActorId, Automerge, ObjId, ObjType, ROOT, ReadDoc, ScalarValue};
use proptest::collection::vec;
use proptest::prelude::*;

use super::scenario::{Replica, run};
use crate::{Document, LogFilter, Part, Section};

/// Keys that mean something at one place or another, and some that do not.
const KEYS: [&str; 20] = [
    "items",
    "policies",
    "body",
    "0g00000000000000",
    "0g10000000000000",
    "junk",
    "statement",
    "rationale",
    "severity",
    "scope",
    "examples",
    "enabled",
    "deleted",
    "deleted_body",
    "title",
    "tags",
    "",
    "é",
    "order",
    "no id at all",
];

fn scalar() -> impl Strategy<Value = ScalarValue> {
    prop_oneof![
        any::<i64>().prop_map(ScalarValue::Int),
        any::<u64>().prop_map(ScalarValue::Uint),
        any::<f64>().prop_map(ScalarValue::F64),
        any::<bool>().prop_map(ScalarValue::Boolean),
        "must|may|deny|last-writer|[a-z]{0,5}".prop_map(|text| ScalarValue::Str(text.into())),
        vec(any::<u8>(), 0..5).prop_map(ScalarValue::Bytes),
        Just(ScalarValue::Null),
        any::<i64>().prop_map(ScalarValue::counter),
        any::<i64>().prop_map(ScalarValue::Timestamp),
    ]
}

type Junk = (usize, usize, u8, ScalarValue);

/// Writes anything anywhere, as several actors that do not know each other.
fn spoil(document: &Document, junk: &[Junk], actor: u8) -> Vec<Vec<u8>> {
    let mut doc =
        Automerge::load(&document.save()).unwrap().with_actor(ActorId::from([actor; 4].as_slice()));
    let mut objects: Vec<(ObjId, ObjType)> = vec![(ROOT, ObjType::Map)];
    let known: Vec<_> = doc
        .iter()
        .filter_map(|item| {
            let typ = match item.item.value()? {
                automerge::ValueRef::Object(typ) => *typ,
                automerge::ValueRef::Scalar(_) => return None,
            };
            Some((item.item.id()?, typ))
        })
        .collect();
    objects.extend(known);
    for (object, key, what, value) in junk {
        let (object, typ) = objects[object % objects.len()].clone();
        let key = KEYS[key % KEYS.len()];
        let kinds = [ObjType::Map, ObjType::List, ObjType::Text];
        let kind = kinds[usize::from(what % 3)];
        let mut tx = doc.transaction();
        match typ {
            ObjType::Map | ObjType::Table if what % 2 == 0 => {
                let _unused = tx.put(&object, key, value.clone());
            }
            ObjType::Map | ObjType::Table => {
                if let Ok(made) = tx.put_object(&object, key, kind) {
                    objects.push((made, kind));
                }
            }
            ObjType::List if what % 2 == 0 => {
                let _unused = tx.insert(&object, 0, value.clone());
            }
            ObjType::List => {
                if let Ok(made) = tx.insert_object(&object, 0, kind) {
                    objects.push((made, kind));
                }
            }
            ObjType::Text => {
                let _unused = tx.splice_text(&object, 0, 0, "junk");
            }
        }
        tx.commit();
    }
    let genesis = crate::roots().map_heads();
    doc.get_changes(&genesis).iter().map(|change| change.raw_bytes().to_vec()).collect()
}

trait MapHeads {
    fn map_heads(self) -> Vec<automerge::ChangeHash>;
}

impl MapHeads for Vec<[u8; 32]> {
    fn map_heads(self) -> Vec<automerge::ChangeHash> {
        self.into_iter().map(automerge::ChangeHash).collect()
    }
}

fn spoiled(part: Part, one: &[Junk], two: &[Junk]) -> Replica {
    let script = r#"
        peers ana
        ana: add rules {"statement": "s", "rationale": "why", "scope": ["a"], "examples": ["e"]} as r
        ana: add documents {"title": "d", "body": "text"} as d
    "#;
    let mut replica = run(script).replicas.remove("ana").unwrap();
    let document = replica.context.document_mut(&part).unwrap();
    let changes: Vec<Vec<u8>> = [spoil(document, one, 8), spoil(document, two, 9)].concat();
    let changes: Vec<&[u8]> = changes.iter().map(Vec::as_slice).collect();
    document.apply(&changes).unwrap();
    replica
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn every_read_ends(
        one in vec((any::<usize>(), any::<usize>(), any::<u8>(), scalar()), 0..25),
        two in vec((any::<usize>(), any::<usize>(), any::<u8>(), scalar()), 0..25),
        rules in any::<bool>(),
    ) {
        let section = if rules { Section::Rules } else { Section::Documents };
        let mut replica = spoiled(Part::Section(section), &one, &two);
        let context = &replica.context;
        let view = context.section(section);
        prop_assert!(view.defects.is_sorted());
        for item in &view.items {
            let path = crate::Path::item(section, item.id);
            prop_assert_eq!(context.item(&path), Some(item.clone()));
            for (name, field) in &item.fields {
                let path = crate::Path::field(section, item.id, name);
                prop_assert_eq!(context.field(&path), Some(field.clone()));
            }
        }
        let version = context.version();
        prop_assert_eq!(context.at(&version).unwrap().export(), context.export());
        prop_assert_eq!(context.diff(&version, &version).unwrap(), []);
        prop_assert!(context.log(&LogFilter::default()).len() >= 3);
        for conflict in context.conflicts() {
            let keep = crate::Settlement::Keep("a".to_owned());
            let _settled_or_refused = replica.context.resolve(&conflict.id, keep, "", &replica.by);
        }
        prop_assert!(replica.context.locate("rules/no such item").is_err());
    }

    #[test]
    fn any_path_is_located_or_refused(path in ".{0,40}", words in vec("rules|policies|statement|s|/|[a-z0-9]{16}", 0..6)) {
        let replica = run("peers ana\nana: add rules \"s\"").replicas.remove("ana").unwrap();
        for path in [path, words.join("/")] {
            if let Ok(found) = replica.context.locate(&path) {
                prop_assert_eq!(replica.context.locate(&found.to_string()), Ok(found));
            }
        }
    }
}

#[test]
fn what_is_not_well_formed_is_listed() {
    let script = "peers ana\nana: add rules {\"statement\": \"s\", \"severity\": \"may\"} as r";
    let mut replica = run(script).replicas.remove("ana").unwrap();
    let part = Part::Section(Section::Rules);
    let document = replica.context.document_mut(&part).unwrap();
    let mut doc = Automerge::load(&document.save()).unwrap();
    let mut tx = doc.transaction();
    let items = tx.get(ROOT, "items").unwrap().unwrap().1;
    let id = tx.keys(&items).next().unwrap();
    let item = tx.get(&items, &id).unwrap().unwrap().1;
    tx.put(&item, "severity", 7).unwrap();
    tx.put(&item, "colour", "red").unwrap();
    tx.put(&item, "rationale", "not a text object").unwrap();
    tx.put(&items, "junk", "junk").unwrap();
    tx.put(ROOT, "elsewhere", true).unwrap();
    let policies = tx.get(ROOT, "policies").unwrap().unwrap().1;
    tx.put(&policies, "severity", "nonsense").unwrap();
    tx.commit();
    *document = Document::load(part, &doc.save()).unwrap();
    let view = replica.context.section(Section::Rules);
    let item = format!("rules/{id}");
    let paths: Vec<&str> = view.defects.iter().map(|defect| defect.path.as_str()).collect();
    let colour = format!("{item}/colour");
    let rationale = format!("{item}/rationale");
    let severity = format!("{item}/severity");
    assert_eq!(
        paths,
        [
            "policies/rules/severity",
            &colour,
            &rationale,
            &severity,
            "rules/elsewhere",
            "rules/junk"
        ]
    );
    assert_eq!(view.items.len(), 1);
    assert_eq!(view.items[0].fields["statement"].value, "s".into());
    assert!(!view.items[0].fields.contains_key("severity"));
}

#[test]
fn deep_nesting_is_not_walked() {
    let mut replica = run("peers ana\nana: add rules \"s\"").replicas.remove("ana").unwrap();
    let part = Part::Section(Section::Rules);
    let document = replica.context.document_mut(&part).unwrap();
    let mut doc = Automerge::load(&document.save()).unwrap();
    let mut tx = doc.transaction();
    let mut object = tx.get(ROOT, "items").unwrap().unwrap().1;
    for _ in 0..20_000 {
        object = tx.put_object(&object, "statement", ObjType::Map).unwrap();
    }
    tx.commit();
    document
        .apply(&doc.get_changes(&[]).iter().map(automerge::Change::raw_bytes).collect::<Vec<_>>())
        .unwrap();
    let context = &replica.context;
    assert_eq!(context.section(Section::Rules).items.len(), 1);
    assert!(context.conflicts().is_empty());
    assert_eq!(context.log(&LogFilter::default()).len(), 2);
    context.diff(&context.version(), &context.version()).unwrap();
}
