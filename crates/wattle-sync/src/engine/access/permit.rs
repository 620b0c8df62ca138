//! Whether the one who edits here may: asked before anything is written.

use wattle_context::{Edit, Part, Section};
use wattle_protocol::access::{Member, Rights};
use wattle_store::Store;

use super::super::Engine;
use crate::error::EditFailed;
use crate::role::Role;

#[cfg(test)]
mod tests;

/// Members named to somebody who may not do what they may.
const NAMED_MAX: usize = 5;
const MINUTE_MS: u64 = 60_000;

impl Engine {
    /// Whether edits of these paths may be made.
    pub(in super::super) fn permit_edits(&self, edits: &[Edit]) -> Result<(), EditFailed> {
        let member = self.own_member()?;
        let sections = edits.iter().filter_map(|edit| edit.path.split('/').next()?.parse().ok());
        self.permit_sections(member, sections)
    }

    /// Whether changes of these documents may be stored.
    pub(in super::super) fn permit_parts<'a>(
        &self,
        parts: impl Iterator<Item = &'a Part>,
    ) -> Result<(), EditFailed> {
        let member = self.own_member()?;
        self.permit_sections(member, parts.map(|part| part.section()))
    }

    fn permit_sections(
        &self,
        member: &Member,
        mut sections: impl Iterator<Item = Section>,
    ) -> Result<(), EditFailed> {
        let forbidden = sections.find(|section| !member.rights.writes(section.number()));
        match forbidden {
            None => Ok(()),
            Some(section) => Err(EditFailed::NotAllowed {
                role: Role::of(&member.rights),
                section,
                may: self.who_may(section),
            }),
        }
    }

    /// What the log says of the one who edits here, as long as it may do anything.
    fn own_member(&self) -> Result<&Member, EditFailed> {
        let key = self.identity.key();
        let Some(log) = &self.access.log else { return Err(EditFailed::NotYetMember) };
        let Some(member) = log.member(&key) else {
            let joins = !self.access.wishes.is_empty();
            return Err(if joins {
                EditFailed::NotYetMember
            } else {
                EditFailed::NoMember { key }
            });
        };
        if let Some((how, entry)) = member.ended {
            return Err(EditFailed::Ended { how: Some(how), entry: Some(entry) });
        }
        if member.rights == Rights::NONE {
            return Err(EditFailed::Ended { how: None, entry: None });
        }
        let now = self.access.clock.unix_s();
        match member.until {
            Some(until) if until <= now => Err(EditFailed::Past { until, now }),
            Some(_) | None => Ok(member),
        }
    }

    fn who_may(&self, section: Section) -> Vec<String> {
        let Some(log) = &self.access.log else { return Vec::new() };
        let may = log.members().filter(|(_, member)| member.rights.writes(section.number()));
        let names = may.map(|(_, member)| member.name.clone()).filter(|name| !name.is_empty());
        names.take(NAMED_MAX).collect()
    }

    /// What is left of the budget of the one who edits here: the whole of it at once, and then one edit
    /// each time its share of a minute has passed. All processes of the key have one budget.
    pub(in super::super) fn budget(&mut self) -> Result<Budget, EditFailed> {
        let Some(per_minute) = self.own_member()?.edits_per_minute else {
            return Ok(Budget { used_until: None });
        };
        let stored = self.store.note(&self.budget_note())?.unwrap_or_default();
        let used_until = stored.try_into().map_or(0, u64::from_be_bytes);
        let now = u64::try_from(self.now_ms()).unwrap_or_default();
        let next = spent(per_minute, used_until, now)
            .map_err(|wait_ms| EditFailed::OverBudget { per_minute, wait_ms })?;
        Ok(Budget { used_until: Some(next) })
    }

    /// Takes an edit from it.
    pub(in super::super) fn spend(&mut self, budget: &Budget) -> Result<(), EditFailed> {
        match budget.used_until {
            Some(until) => Ok(self.store.put_note(&self.budget_note(), &until.to_be_bytes())?),
            None => Ok(()),
        }
    }

    fn budget_note(&self) -> String {
        format!("wattle/budget/{}", self.identity.key())
    }
}

/// A budget after the next edit.
pub(in super::super) struct Budget {
    used_until: Option<u64>,
}

/// Until when a budget is used up after one more edit, or how long that edit has to wait.
fn spent(per_minute: u32, used_until: u64, now: u64) -> Result<u64, u64> {
    if per_minute == 0 {
        return Err(MINUTE_MS);
    }
    let share = MINUTE_MS.div_ceil(u64::from(per_minute));
    let minute = share * u64::from(per_minute);
    // A clock that was set back takes no more than one budget.
    let next = used_until.clamp(now, now.saturating_add(minute)).saturating_add(share);
    match next.saturating_sub(now.saturating_add(minute)) {
        0 => Ok(next),
        wait_ms => Err(wait_ms),
    }
}
