//! `wattle mcp token`: who comes to this context over HTTP.

use serde_json::{Value as Json, json};
use wattle_mcp::http::{Token, TokenTerms, Tokens};
use wattle_sync::Identity;

use crate::args::mcp::{self, AddToken, RemoveToken};
use crate::failure::Failure;
use crate::screen::{Form, Screen, say};
use crate::session::Session;
use crate::time;

/// Makes, lists and removes tokens.
pub(crate) fn run(session: &Session, args: mcp::Token, screen: &mut Screen) -> Result<(), Failure> {
    let tokens = Tokens::of(session.directory());
    match args {
        mcp::Token::Add(args) => add((session, &tokens), &args, screen),
        mcp::Token::List => list(&tokens, screen),
        mcp::Token::Remove(args) => remove(&tokens, &args, screen),
    }
}

fn add(
    (session, tokens): (&Session, &Tokens),
    args: &AddToken,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let agent = match session.agent() {
        Some(name) => {
            let agent = Identity::agent(&Identity::config_dir()?, name)?;
            Some((name.to_owned(), agent.key().to_string()))
        }
        None => None,
    };
    let until_s = args.days.map(|days| time::in_seconds(days.0));
    let (secret, token) = tokens.add(TokenTerms { agent, until_s })?;
    if screen.form == Form::Json {
        let mut told = to_json(&token);
        if let Some(object) = told.as_object_mut() {
            object.insert("token".to_owned(), json!(secret));
        }
        screen.json(&told)?;
        return Ok(());
    }
    say!(screen, "{secret}")?;
    let whom = match &token.agent {
        Some(agent) => format!("its bearer acts as {agent}"),
        None => "its bearer acts as you, with all your rights; `--as NAME` makes one for an agent"
            .to_owned(),
    };
    let end = end(&token);
    screen.aside(&format!("{}: {whom}, {end}. It is shown only now.", token.id))?;
    Ok(())
}

fn list(tokens: &Tokens, screen: &mut Screen) -> Result<(), Failure> {
    let tokens = tokens.list()?;
    if screen.form == Form::Json {
        let tokens: Vec<Json> = tokens.iter().map(to_json).collect();
        screen.json(&json!({ "tokens": tokens }))?;
        return Ok(());
    }
    if tokens.is_empty() {
        say!(screen, "no tokens: `wattle mcp token add --as AGENT` makes one")?;
    }
    for token in &tokens {
        let name = screen.paint.green(&format!("{:<12}", token.agent.as_deref().unwrap_or("you")));
        say!(screen, "{}  {name} {}", token.id, end(token))?;
    }
    Ok(())
}

fn remove(tokens: &Tokens, args: &RemoveToken, screen: &mut Screen) -> Result<(), Failure> {
    let id = tokens.remove(&args.id)?;
    match screen.form {
        Form::Json => screen.json(&json!({ "removed": id }))?,
        Form::Text => say!(screen, "the token {id} is removed; who uses it is turned away")?,
    }
    Ok(())
}

fn to_json(token: &Token) -> Json {
    json!({
        "id": token.id,
        "as": token.agent,
        "made": token.made_s,
        "until": token.until_s,
        "over": token.is_over(),
    })
}

fn end(token: &Token) -> String {
    match token.until_s {
        None => "until it is removed".to_owned(),
        Some(_) if token.is_over() => "over".to_owned(),
        Some(until) => format!("until {}", time::minute(until)),
    }
}
