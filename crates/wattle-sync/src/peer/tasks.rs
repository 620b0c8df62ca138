//! Claims on tasks: what the records say, and what the sequencer says, in one answer.

use wattle_context::claim::ready::Claimant;
use wattle_context::claim::{self, Claim, Record, Said};
use wattle_context::{Edit, Op, Path, Section, Value};
use wattle_protocol::lease::{Answer, Ask, Grant};

use super::{Parts, Peer};
use crate::clock::now_ms;
use crate::error::ReadError;
use crate::hex::hex;
use crate::role::Role;
use crate::task::{
    After, Found, Handle, Holder, Report, Standing, Taken, TaskFailed, claim_name, is_granted,
    recorded, subject,
};

impl Peer {
    /// Claims a task for `who`, a name for people; a claim of theirs that is there is renewed.
    pub async fn claim_task(
        &self,
        task: wattle_context::ItemId,
        who: &str,
        ttl_s: i64,
    ) -> Result<Taken, TaskFailed> {
        let mut name = [0; 4];
        getrandom::fill(&mut name).map_err(|_| TaskFailed::NoRandomness)?;
        let claim = hex(&name);
        let handle = Handle { task, claim };
        let found = self.found(&handle).await?;
        match found.owner {
            Some(owner) if owner.key == self.key().to_string() && owner.holder == who => {
                let handle = Handle { task, claim: owner.name };
                let standing = self.renew_claim(&handle, ttl_s).await?;
                Ok(Taken { handle: Some(handle), standing })
            }
            Some(owner) => Ok(lost_to(Some(Holder::from(&owner)))),
            None => self.begin(handle, who, ttl_s).await,
        }
    }

    /// What whoever edits here may be called where a task says whom it is meant for: the name and the key
    /// of the member, its role and those below it, and what else is said of who works here.
    pub async fn claimant(&self, also: &[&str]) -> Result<Claimant, ReadError> {
        let members = self.members().await?.members;
        let own = members.into_iter().find(|member| member.key == self.key());
        let mut words: Vec<String> = also.iter().map(|word| (*word).to_owned()).collect();
        words.push(self.key().to_string());
        if let Some(member) = own {
            let rank = member.now.map(|role| role.rank());
            let roles = Role::NAMED.iter().filter(|named| rank >= Some(named.rank()));
            words.extend(roles.map(ToString::to_string));
            words.push(member.name);
        }
        Ok(Claimant::called(words.into_iter().filter(|word| !word.is_empty())))
    }

    async fn begin(&self, handle: Handle, who: &str, ttl_s: i64) -> Result<Taken, TaskFailed> {
        let answer = self.ask_for(&handle, take(ttl_s)).await;
        let grant = match &answer {
            Some(Answer::Held { .. }) => return Ok(lost_to(self.holder_of(&answer).await?)),
            Some(Answer::Granted(grant)) => Some(*grant),
            Some(Answer::Free | Answer::Refused(_)) | None => None,
        };
        let record = self.record(&handle, (Said::Claim, who), (ttl_s, grant.as_ref()));
        self.edit(vec![as_edit(&handle, &record)?], "claimed").await?;
        let standing = self.standing_of(&handle, answer).await?;
        if standing.holds() {
            return Ok(Taken { handle: Some(handle), standing });
        }
        let end = self.record(&handle, (Said::End, who), (0, None));
        self.edit(vec![as_edit(&handle, &end)?], "lost the claim").await?;
        self.let_go(&handle, grant.is_some()).await;
        Ok(Taken { handle: None, standing })
    }

    /// Goes on with a claim that holds: one that had no lease gets one, if the sequencer is in reach.
    pub async fn renew_claim(&self, handle: &Handle, ttl_s: i64) -> Result<Standing, TaskFailed> {
        let found = self.found(handle).await?;
        let own = own(&found, handle)?;
        if !is(&found.owner, own) {
            return Ok(Standing::Lost { by: found.owner.as_ref().map(Holder::from) });
        }
        let answer = self.ask_for(handle, take(ttl_s)).await;
        if let Some(Answer::Held { .. }) = answer {
            let end = self.record(handle, (Said::End, &own.holder), (0, None));
            self.edit(vec![as_edit(handle, &end)?], "lost the claim").await?;
            return Ok(Standing::Lost { by: self.holder_of(&answer).await? });
        }
        let grant = granted(&answer);
        let record = self.record(handle, (Said::Renew, &own.holder), (ttl_s, grant));
        self.edit(vec![as_edit(handle, &record)?], "goes on").await?;
        self.standing_of(handle, answer).await
    }

    /// Reports on a task. Whose claim does not hold any more leaves a note, and changes nothing else.
    pub async fn report_on_task(
        &self,
        handle: &Handle,
        report: Report,
    ) -> Result<Standing, TaskFailed> {
        let found = self.found(handle).await?;
        let own = &own(&found, handle)?.clone();
        let ask = match &report.after {
            After::GoesOn { ttl_s } => take(*ttl_s),
            After::Ends | After::PassedTo(_) => Ask::Look,
        };
        let holds = is(&found.owner, own);
        let answer = if holds { self.ask_for(handle, ask).await } else { None };
        // While the sequencer was asked, somebody else's claim may have come in.
        let found = self.found(handle).await?;
        let holds = match &answer {
            Some(Answer::Held { .. }) => false,
            Some(Answer::Granted(_)) => true,
            Some(Answer::Free | Answer::Refused(_)) | None => holds && is(&found.owner, own),
        };
        let edits = self.report_edits((handle, own), &report, (holds, granted(&answer)))?;
        if !edits.is_empty() {
            self.edit(edits, &report.why).await?;
        }
        if !holds {
            let by = match self.holder_of(&answer).await? {
                None => found.owner.as_ref().map(Holder::from),
                by => by,
            };
            return Ok(Standing::Lost { by });
        }
        match report.after {
            After::GoesOn { .. } => return self.standing_of(handle, answer).await,
            After::Ends => self.let_go(handle, own.says_leased()).await,
            After::PassedTo(to) => drop(self.ask_for(handle, Ask::Pass { to }).await),
        }
        Ok(match answer {
            Some(Answer::Granted(grant)) => leased(&grant),
            _ => Standing::Optimistic { until_ms: own.until_ms, refused: None },
        })
    }

    fn report_edits(
        &self,
        (handle, own): (&Handle, &Claim),
        report: &Report,
        (holds, grant): (bool, Option<&Grant>),
    ) -> Result<Vec<Edit>, TaskFailed> {
        let mut edits = Vec::new();
        let said = match report.after {
            After::GoesOn { ttl_s } if holds => Some((Said::Renew, ttl_s)),
            After::GoesOn { .. } | After::Ends | After::PassedTo(_) => {
                // One that lost when a conflict was settled is ended by its holder too: they know.
                (!own.ended).then_some((Said::End, 0))
            }
        };
        if holds {
            edits.push(edit(Op::Set, format!("tasks/{}/status", handle.task), &report.status));
        }
        if let Some((said, ttl_s)) = said {
            let record = self.record(handle, (said, &own.holder), (ttl_s, grant));
            edits.push(as_edit(handle, &record)?);
        }
        let [while_held, after] = &report.notes;
        let note = if holds { while_held } else { after };
        edits.extend(
            note.iter().map(|note| edit(Op::Append, format!("tasks/{}/notes", handle.task), note)),
        );
        Ok(edits)
    }

    /// How a claim stands, by the sequencer's word where it is in reach, else by the records here.
    pub async fn check_claim(&self, handle: &Handle) -> Result<Standing, TaskFailed> {
        let found = self.found(handle).await?;
        let own = own(&found, handle)?;
        if !is(&found.owner, own) {
            return Ok(Standing::Lost { by: found.owner.as_ref().map(Holder::from) });
        }
        let answer = self.ask_for(handle, Ask::Look).await;
        if matches!(answer, Some(Answer::Free)) && own.says_leased() && own.until_ms < now_ms() {
            // Its lease has run out; the grace is for claims that nobody could grant.
            return Ok(Standing::Lost { by: None });
        }
        self.standing_of(handle, answer).await
    }

    /// How a claim stands after an answer, by the records as they are now.
    async fn standing_of(
        &self,
        handle: &Handle,
        answer: Option<Answer>,
    ) -> Result<Standing, TaskFailed> {
        if let Some(Answer::Held { .. }) = answer {
            return Ok(Standing::Lost { by: self.holder_of(&answer).await? });
        }
        let found = self.found(handle).await?;
        let own = own(&found, handle)?;
        if !is(&found.owner, own) {
            return Ok(Standing::Lost { by: found.owner.as_ref().map(Holder::from) });
        }
        let until_ms = own.until_ms;
        Ok(match answer {
            Some(Answer::Granted(grant)) => leased(&grant),
            Some(Answer::Refused(refusal)) => {
                Standing::Optimistic { until_ms, refused: Some(refusal) }
            }
            Some(Answer::Free | Answer::Held { .. }) | None => {
                Standing::Optimistic { until_ms, refused: None }
            }
        })
    }

    async fn ask_for(&self, handle: &Handle, ask: Ask) -> Option<Answer> {
        self.lease(subject(&handle.task), claim_name(&handle.claim)?, ask).await
    }

    /// Gives a lease back, so that others need not wait for its end.
    async fn let_go(&self, handle: &Handle, is_leased: bool) {
        if is_leased {
            self.ask_for(handle, Ask::Release).await;
        }
    }

    /// Who holds a lease, by the name of the member.
    async fn holder_of(&self, answer: &Option<Answer>) -> Result<Option<Holder>, TaskFailed> {
        let Some(Answer::Held { holder, until, .. }) = answer else { return Ok(None) };
        let members = self.members().await?.members;
        let member = members.into_iter().find(|member| member.key == *holder);
        let name = member.map(|member| member.name).filter(|name| !name.is_empty());
        let digits = holder.short();
        let name = match name {
            Some(name) => format!("{name} (key {digits})"),
            None => format!("key {digits}"),
        };
        let until_ms = i64::try_from(*until).unwrap_or(i64::MAX).saturating_mul(1_000);
        Ok(Some(Holder { name, until_ms }))
    }

    async fn found(&self, handle: &Handle) -> Result<Found, TaskFailed> {
        let (handle, key) = (handle.clone(), self.key().to_string());
        let sequencers = self.sequencers().await.ok_or(ReadError::Closed)?;
        let look = move |context: &mut wattle_context::Context| {
            let task = handle.task;
            let item = context.item(&Path::item(Section::Tasks, task));
            let item = item.ok_or(TaskFailed::Missing { task })?;
            let records = claim::records(&item);
            let is_granted = |record: &Record| is_granted(&sequencers, &task, record);
            let mine = |known: &Claim| known.name == handle.claim && known.key == key;
            let own = claim::claims(&records, &is_granted).into_iter().find(mine);
            let owner = claim::owner(&records, now_ms(), &is_granted);
            Ok(Found { owner, own })
        };
        self.view(Parts::Sections, look).await?
    }

    fn record(
        &self,
        handle: &Handle,
        (said, who): (Said, &str),
        (ttl_s, grant): (i64, Option<&Grant>),
    ) -> Record {
        let (claim, key) = (handle.claim.clone(), self.key().to_string());
        let (name, at_ms, lease) = (who.to_owned(), now_ms(), grant.map(recorded));
        Record { said, claim, key, name, at_ms, ttl_s, lease, verdict: None }
    }
}

fn own<'a>(found: &'a Found, handle: &Handle) -> Result<&'a Claim, TaskFailed> {
    found.own.as_ref().ok_or_else(|| TaskFailed::NoClaim { handle: handle.clone() })
}

fn is(owner: &Option<Claim>, own: &Claim) -> bool {
    owner.as_ref().is_some_and(|owner| owner.name == own.name && owner.key == own.key)
}

fn take(ttl_s: i64) -> Ask {
    Ask::Take { ttl_s: u32::try_from(ttl_s.clamp(1, claim::TTL_S_MAX)).unwrap_or(u32::MAX) }
}

fn granted(answer: &Option<Answer>) -> Option<&Grant> {
    match answer {
        Some(Answer::Granted(grant)) => Some(grant),
        Some(Answer::Held { .. } | Answer::Free | Answer::Refused(_)) | None => None,
    }
}

fn leased(grant: &Grant) -> Standing {
    let until_ms = i64::try_from(grant.lease.until).unwrap_or(i64::MAX).saturating_mul(1_000);
    Standing::Leased { fence: grant.lease.fence, until_ms }
}

const fn lost_to(by: Option<Holder>) -> Taken {
    Taken { handle: None, standing: Standing::Lost { by } }
}

fn as_edit(handle: &Handle, record: &Record) -> Result<Edit, TaskFailed> {
    let text = serde_json::to_string(record)?;
    Ok(edit(Op::Set, claim::path(&handle.task, record), &text))
}

fn edit(op: Op, path: String, value: &str) -> Edit {
    let value = Value::Text(value.to_owned());
    Edit { op, path, value, old: None, base: None, if_unchanged: false }
}
