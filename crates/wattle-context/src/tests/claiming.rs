//! The statements of scenarios about claims.

use super::scenario::World;
use crate::claim::{self, Lease, Record, Said};
use crate::plain::hex;
use crate::{Edit, Op, Settlement, Value};

impl World {
    /// `claim t at 90 for 600 leased 3`, with a lease for so long: as the peer's one claim of the task, named as the peer is.
    pub(super) fn record_of(&self, name: &str, verb: &str, rest: &str) -> Result<Edit, String> {
        let said = match verb {
            "claim" => Said::Claim,
            "renew" => Said::Renew,
            _ => Said::End,
        };
        let mut words = rest.split(' ');
        let task = self.full(words.next().unwrap_or_default());
        let replica = self.replicas.get(name).ok_or("no such peer")?;
        let mut record = Record {
            said,
            claim: name.to_owned(),
            key: hex(&replica.by.key),
            name: name.to_owned(),
            at_ms: self.time,
            ttl_s: 600,
            lease: None,
            verdict: None,
        };
        while let (Some(word), Some(number)) = (words.next(), words.next()) {
            let number: u32 = number.parse().map_err(|_| format!("{word} NUMBER"))?;
            match word {
                "at" => record.at_ms = i64::from(number) * 1_000,
                "for" => record.ttl_s = number.into(),
                "leased" => {
                    let until_s = record.at_ms.unsigned_abs() / 1_000 + record.ttl_s.unsigned_abs();
                    let (number, signature) = (number.into(), String::new());
                    record.lease = Some(Lease { term: 0, entry: 1, number, until_s, signature });
                }
                _ => return Err(format!("no {word} of a claim")),
            }
        }
        let value = Value::Text(serde_json::to_string(&record).unwrap());
        let task = task.strip_prefix("tasks/").ok_or("no task")?.parse().unwrap();
        let path = claim::path(&task, &record);
        Ok(Edit { op: Op::Set, path, value, old: None, base: None, if_unchanged: false })
    }

    pub(super) fn moment(&mut self, rest: &str) -> Result<(), String> {
        let now_ms = rest.parse::<i64>().map_err(|_| "moment SECONDS")? * 1_000;
        self.moment_ms = Some(now_ms);
        self.time = self.time.max(now_ms);
        self.replicas.values_mut().for_each(|replica| replica.context.moment(now_ms));
        Ok(())
    }

    pub(super) fn settle_any(&mut self, rest: &str) -> Result<(), String> {
        let words: Vec<&str> = rest.split(' ').collect();
        let [name, task, number] = words[..] else { return Err("try WHO TASK NUMBER".into()) };
        let path = format!("{}/claims", self.full(task));
        let time_ms = self.time;
        let replica = self.replicas.get_mut(name).ok_or("no such peer")?;
        let open = replica.context.conflicts();
        if let Some(conflict) = open.iter().find(|conflict| conflict.path == path) {
            let number: usize = number.parse().map_err(|_| "try WHO TASK NUMBER")?;
            let letter = crate::conflict::letter(number % conflict.candidates.len());
            replica.by.time_ms = time_ms;
            let (keep, by) = (Settlement::Keep(letter), replica.by.clone());
            replica.context.resolve(&conflict.id, keep, "", &by).map_err(|e| e.to_string())?;
        }
        Ok(())
    }

    pub(super) fn holds(&self, rest: &str) -> Result<(), String> {
        let words: Vec<&str> = rest.split(' ').collect();
        let [whom, task, wanted] = words[..] else { return Err("holds WHO TASK OWNER".into()) };
        let now_ms = self.moment_ms.unwrap_or(self.time);
        for name in self.whom(whom) {
            let context = &self.replicas[&name].context;
            let path = context.locate(&self.full(task)).map_err(|error| error.to_string())?;
            let records = claim::records(&context.item(&path).ok_or("no such task")?);
            let owner = claim::owner(&records, now_ms, &|_| true).map(|claim| claim.holder);
            if owner.as_deref().unwrap_or("nobody") != wanted {
                return Err(format!("{name} says {owner:?}"));
            }
        }
        Ok(())
    }
}
