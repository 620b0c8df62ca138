//! From text to steps.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::str::FromStr;
use std::vec::IntoIter;

use wattle_context::edit::Op;
use wattle_context::value::Value;
use wattle_protocol::access::Kind;

use super::claiming::SECONDS;
use super::lexer::{LexError, Token, tokens};
use super::{
    Act, Answer, Choice, Claiming, Deed, Expect, Expectation, Lies, Line, Net, Standing, Step, Verb,
};
use crate::names::name_field;
use crate::roles::is_role;

/// Why a text is no scenario.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {cause}")]
pub struct ScenarioError {
    /// Counted from one.
    pub line: usize,
    /// What is wrong with it.
    #[source]
    pub cause: LineError,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// It cannot be split into words.
    #[error(transparent)]
    Lex(#[from] LexError),
    /// Something else was expected.
    #[error("expected {expected}, found {found}")]
    Expected {
        /// What should be there.
        expected: &'static str,
        /// What is there.
        found: String,
    },
}

/// Reads a whole text.
pub fn parse(text: &str) -> Result<Vec<Step>, ScenarioError> {
    let mut steps = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let at = |cause| ScenarioError { line: number + 1, cause };
        let tokens = tokens(line).map_err(|error| at(error.into()))?;
        if !tokens.is_empty() {
            let mut parser = Parser { rest: tokens.into_iter().peekable() };
            let step = parser.step().map_err(at)?;
            parser.end().map_err(at)?;
            steps.push(step);
        }
    }
    Ok(steps)
}

struct Parser {
    rest: Peekable<IntoIter<Token>>,
}

impl Parser {
    fn step(&mut self) -> Result<Step, LineError> {
        let word = self.word("a step")?;
        if self.sign(':') {
            return self.act(word, Refusal::Fails).map(Step::Act);
        }
        Ok(match word.as_str() {
            "seed" => Step::Seed(self.number("a number")?),
            "net" => Step::Net(self.net()?),
            "relay" => Step::Relay(self.word("a name")?),
            "peers" => self.peers()?,
            "recovery" => Step::Recovery(self.word("a name")?),
            "patched" => self.patched()?,
            "link" => Step::Link(self.word("a name")?, self.word("another name")?),
            "cut" => self.cut()?,
            "slow" => Step::Slow(self.word("a name")?),
            "heal" => Step::Heal(self.words()),
            "crash" => Step::Crash(self.word("a name")?),
            "restart" => Step::Restart(self.word("a name")?),
            "compact" => Step::Compact(self.word("a name")?),
            "wait" => Step::Wait(self.number("milliseconds")?),
            "settle" => Step::Settle,
            "expect" => Step::Expect(self.expect()?),
            "try" => {
                let peer = self.word("a name")?;
                self.need(':')?;
                Step::Act(self.act(peer, Refusal::Counts)?)
            }
            _ => return Err(expected("a step, or a name and a colon", Some(Token::Word(word)))),
        })
    }

    fn peers(&mut self) -> Result<Step, LineError> {
        let mut names = Vec::new();
        while let Some(Token::Word(word)) =
            self.rest.next_if(|token| matches!(token, Token::Word(_)))
        {
            if word == "as" {
                return Ok(Step::Members { names, role: self.role()? });
            }
            if word == "by" {
                return Ok(Step::Invited { names, by: self.word("an invitation")? });
            }
            names.push(word);
        }
        Ok(Step::Peers(names))
    }

    fn patched(&mut self) -> Result<Step, LineError> {
        if let Step::Members { names, role } = self.peers()? {
            return Ok(Step::Patched { names, role });
        }
        Err(expected("as and a role", self.rest.next()))
    }

    /// A word, or a selection in quotes.
    fn role(&mut self) -> Result<String, LineError> {
        match self.rest.next() {
            Some(Token::Word(role) | Token::Text(role)) if role == "none" || is_role(&role) => {
                Ok(role)
            }
            found => Err(expected("a role", found)),
        }
    }

    fn cut(&mut self) -> Result<Step, LineError> {
        let node = self.word("a name")?;
        let mut rest = self.words();
        let half_open = rest.last().is_some_and(|word| word == "half-open");
        if half_open {
            rest.pop();
        }
        let other = rest.pop();
        match rest.pop() {
            None => Ok(Step::Cut { node, other, half_open }),
            Some(word) => Err(expected("at most two names", Some(Token::Word(word)))),
        }
    }

    fn net(&mut self) -> Result<Net, LineError> {
        let mut net = Net::default();
        while self.rest.peek().is_some() {
            let name = self.word("delay, tail, rate, disk or halfopen")?;
            self.need('=')?;
            let value = self.word("a number or range")?;
            match name.as_str() {
                "delay" => net.delay_ms = pair(&value, "..")?,
                "tail" => (net.tail_permille, net.tail_ms_max) = pair(&value, "/")?,
                "rate" => net.rate_bytes_per_ms = number(&value, "bytes per millisecond")?,
                "disk" => net.disk_ms = pair(&value, "..")?,
                "halfopen" => net.half_open_permille = number(&value, "a share in a thousand")?,
                _ => {
                    return Err(expected(
                        "delay, tail, rate, disk or halfopen",
                        Some(Token::Word(name)),
                    ));
                }
            }
        }
        Ok(net)
    }

    fn act(&mut self, peer: String, refusal: Refusal) -> Result<Act, LineError> {
        let path = self.word("a path, mark or resolve")?;
        let deed = match path.as_str() {
            "mark" => Deed::Mark(self.word("a name for the version")?),
            "resolve" => self.resolve()?,
            "claim" | "renew" | "release" | "report" => Deed::Claim(self.claiming(&path)?),
            "grant" => self.grant(Kind::Person)?,
            "agent" => self.grant(Kind::Agent)?,
            "revoke" => Deed::Revoke(self.word("a name")?),
            "rotate" => Deed::Rotate(self.word("a name")?),
            "sequencer" => {
                let whom = self.word("a name")?;
                let pass_by = self.rest.next_if_eq(&Token::Word("pass-by".to_owned())).is_some();
                Deed::Sequencer { whom, pass_by }
            }
            "invite" => self.invite()?,
            "forge" => self.forge()?,
            "reparent" => {
                let change = self.word("a change")?;
                self.keyword("as")?;
                Deed::Reparent { change, name: self.word("a name for the new change")? }
            }
            "send" => {
                let change = self.word("a change")?;
                self.keyword("to")?;
                let to = self.word("a name")?;
                self.need('=')?;
                Deed::Send { change, to, answer: self.answer()? }
            }
            "order" => Deed::Order(self.word("a name")?),
            _ => Deed::Edit(self.edit(path)?),
        };
        Ok(Act { peer, deed, may_fail: matches!(refusal, Refusal::Counts) })
    }

    fn claiming(&mut self, verb: &str) -> Result<Claiming, LineError> {
        let path = self.word("a task")?;
        let verb = match verb {
            "release" => Verb::Release,
            "report" => Verb::Report { status: self.word("a status")? },
            _ => {
                let seconds = if self.rest.peek().is_some_and(|token| *token != Token::Sign('=')) {
                    self.keyword("for")?;
                    self.number("seconds")?
                } else {
                    SECONDS
                };
                if verb == "renew" { Verb::Renew { seconds } } else { Verb::Claim { seconds } }
            }
        };
        let standing = if self.sign('=') {
            let word = self.word("leased, optimistic or lost")?;
            let standing = Standing::read(&word);
            let wrong = || expected("leased, optimistic or lost", Some(Token::Word(word.clone())));
            Some(standing.ok_or_else(wrong)?)
        } else {
            None
        };
        Ok(Claiming { path, verb, standing })
    }

    fn grant(&mut self, kind: Kind) -> Result<Deed, LineError> {
        let (whom, role) = (self.word("a name")?, self.role()?);
        let seconds = if self.rest.peek().is_some() {
            self.keyword("for")?;
            Some(self.number("seconds")?)
        } else {
            None
        };
        Ok(Deed::Grant { whom, role, kind, seconds })
    }

    fn invite(&mut self) -> Result<Deed, LineError> {
        let (name, role) = (self.word("a name for the invitation")?, self.role()?);
        let (mut uses, mut seconds) = (1, None);
        while self.rest.peek().is_some() {
            match self.word("uses or for")?.as_str() {
                "uses" => uses = self.number("a number")?,
                "for" => seconds = Some(self.number("seconds")?),
                other => return Err(expected("uses or for", Some(Token::Word(other.to_owned())))),
            }
        }
        Ok(Deed::Invite { name, role, uses, seconds })
    }

    fn forge(&mut self) -> Result<Deed, LineError> {
        let name = self.word("a name for the change")?;
        let mut lies = Lies::default();
        loop {
            let word = self.word("a path, epoch, time or naming")?;
            match word.as_str() {
                "epoch" => lies.epoch = Some(self.number("a number of entries")?),
                "time" => lies.time = Some(self.number("milliseconds since 1970")?),
                "naming" => lies.naming = Some(self.word("a name")?),
                _ => return Ok(Deed::Forge { name, lies, line: self.edit(word)? }),
            }
        }
    }

    fn answer(&mut self) -> Result<Answer, LineError> {
        let word = self.word("yes or a code")?;
        Answer::read(&word).ok_or_else(|| expected("yes or a code", Some(Token::Word(word))))
    }

    fn resolve(&mut self) -> Result<Deed, LineError> {
        let path = self.word("a path")?;
        let choice = match self.word("keep or set")?.as_str() {
            "keep" => Choice::Keep(self.word("a letter")?),
            "set" => Choice::Set(self.value()?),
            other => return Err(expected("keep or set", Some(Token::Word(other.to_owned())))),
        };
        Ok(Deed::Resolve { path, choice })
    }

    fn edit(&mut self, path: String) -> Result<Line, LineError> {
        let verb = self.word("set, add, replace, append, remove or delete")?;
        let mut line =
            Line { op: Op::Set, path, value: Value::Null, old: None, base: None, alias: None };
        match verb.as_str() {
            "set" => line.value = self.value()?,
            "add" => {
                line.op = Op::Add;
                line.value = self.item(&line.path)?;
            }
            "append" => (line.op, line.value) = (Op::Append, self.value()?),
            "remove" => (line.op, line.value) = (Op::Remove, self.value()?),
            "delete" => line.op = Op::Delete,
            "replace" => {
                line.op = Op::Replace;
                line.old = Some(self.text("the passage to be replaced")?);
                self.keyword("with")?;
                line.value = Value::Text(self.text("the new passage")?);
            }
            _ => {
                let all = "set, add, replace, append, remove or delete";
                return Err(expected(all, Some(Token::Word(verb))));
            }
        }
        while let Some(Token::Word(word)) = self.rest.next() {
            match word.as_str() {
                "as" => line.alias = Some(self.word("an alias")?),
                "base" => line.base = Some(self.word("a mark")?),
                _ => return Err(expected("as or base", Some(Token::Word(word)))),
            }
        }
        Ok(line)
    }

    /// The name of a new item and its fields.
    fn item(&mut self, section: &str) -> Result<Value, LineError> {
        let mut fields = BTreeMap::new();
        let name = self.value()?;
        if let Some(field) = name_field(section) {
            fields.insert(field.to_owned(), name);
        }
        while let Some(Token::Word(word)) = self.rest.peek() {
            if word == "as" || word == "base" {
                break;
            }
            let field = self.word("a field")?;
            self.need('=')?;
            fields.insert(field, self.value()?);
        }
        Ok(Value::Map(fields))
    }

    fn expect(&mut self) -> Result<Expect, LineError> {
        let peer = Some(self.word("a peer or *")?).filter(|peer| peer != "*");
        let path = self.word("a path, rights or conflicts")?;
        if path == "rights" {
            let whom = self.word("a name")?;
            self.need('=')?;
            let what = Expectation::Rights { whom, role: self.role()? };
            return Ok(Expect { peer, what });
        }
        if path == "used" {
            let invitation = self.word("an invitation")?;
            self.need('=')?;
            let what = Expectation::Used { invitation, times: self.number("a number")? };
            return Ok(Expect { peer, what });
        }
        if path == "owner" {
            let path = self.word("a task")?;
            self.need('=')?;
            let holder = Some(self.word("a name or none")?).filter(|name| name != "none");
            return Ok(Expect { peer, what: Expectation::Owner { path, holder } });
        }
        if path == "forked" {
            return Ok(Expect { peer, what: Expectation::Forked });
        }
        if path == "admitted" {
            self.need('=')?;
            return Ok(Expect { peer, what: Expectation::Admitted(self.answer()?) });
        }
        if !self.sign('=') {
            let what = match self.word("=, contains or lacks")?.as_str() {
                "contains" => Expectation::Contains { path, passage: self.text("a passage")? },
                "lacks" => Expectation::Lacks { path, passage: self.text("a passage")? },
                other => {
                    return Err(expected("=, contains or lacks", Some(Token::Word(other.into()))));
                }
            };
            return Ok(Expect { peer, what });
        }
        if path == "conflicts" {
            let what = Expectation::Conflicts(self.number("a number")?);
            return Ok(Expect { peer, what });
        }
        let mut values = Vec::new();
        if self.rest.next_if_eq(&Token::Word("none".to_owned())).is_none() {
            values.push(self.value()?);
            while self.sign('+') {
                values.push(self.value()?);
            }
        }
        Ok(Expect { peer, what: Expectation::Values { path, values } })
    }

    fn value(&mut self) -> Result<Value, LineError> {
        Ok(match self.rest.next() {
            Some(Token::Text(text)) => Value::Text(text),
            Some(Token::Word(word)) => match (word.as_str(), i64::from_str(&word)) {
                ("true", _) => Value::Bool(true),
                ("false", _) => Value::Bool(false),
                ("null", _) => Value::Null,
                (_, Ok(number)) => Value::Int(number),
                (_, Err(_)) => Value::Text(word),
            },
            Some(Token::Sign('[')) => {
                let mut list = Vec::new();
                while !self.sign(']') {
                    list.push(self.text("a text or ]")?);
                    self.sign(',');
                }
                Value::List(list)
            }
            found => return Err(expected("a value", found)),
        })
    }

    fn text(&mut self, what: &'static str) -> Result<String, LineError> {
        match self.rest.next() {
            Some(Token::Text(text)) => Ok(text),
            found => Err(expected(what, found)),
        }
    }

    fn word(&mut self, what: &'static str) -> Result<String, LineError> {
        match self.rest.next() {
            Some(Token::Word(word)) => Ok(word),
            found => Err(expected(what, found)),
        }
    }

    fn words(&mut self) -> Vec<String> {
        let mut words = Vec::new();
        while let Some(Token::Word(word)) =
            self.rest.next_if(|token| matches!(token, Token::Word(_)))
        {
            words.push(word);
        }
        words
    }

    fn number<T: FromStr>(&mut self, what: &'static str) -> Result<T, LineError> {
        let word = self.word(what)?;
        number(&word, what)
    }

    fn keyword(&mut self, keyword: &'static str) -> Result<(), LineError> {
        let word = self.word(keyword)?;
        if word == keyword { Ok(()) } else { Err(expected(keyword, Some(Token::Word(word)))) }
    }

    fn sign(&mut self, sign: char) -> bool {
        self.rest.next_if_eq(&Token::Sign(sign)).is_some()
    }

    fn need(&mut self, sign: char) -> Result<(), LineError> {
        if self.sign(sign) {
            Ok(())
        } else {
            Err(expected("a colon or an equals sign", self.rest.next()))
        }
    }

    fn end(&mut self) -> Result<(), LineError> {
        self.rest.next().map_or(Ok(()), |found| Err(expected("the end of the line", Some(found))))
    }
}

#[derive(Clone, Copy)]
enum Refusal {
    Fails,
    Counts,
}

fn number<T: FromStr>(word: &str, what: &'static str) -> Result<T, LineError> {
    word.parse().map_err(|_| expected(what, Some(Token::Word(word.to_owned()))))
}

fn pair(word: &str, between: &str) -> Result<(u64, u64), LineError> {
    let (low, high) = word
        .split_once(between)
        .ok_or_else(|| expected("two numbers", Some(Token::Word(word.to_owned()))))?;
    Ok((number(low, "a number")?, number(high, "a number")?))
}

fn expected(expected: &'static str, found: Option<Token>) -> LineError {
    let found = match found {
        None => "the end of the line".to_owned(),
        Some(Token::Word(word)) => format!("`{word}`"),
        Some(Token::Text(text)) => format!("{text:?}"),
        Some(Token::Sign(sign)) => format!("`{sign}`"),
    };
    LineError::Expected { expected, found }
}
