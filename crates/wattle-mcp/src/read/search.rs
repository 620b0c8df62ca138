//! The search: items that hold all words of a query.

use wattle_context::plain::{brief, cut};
use wattle_context::{ItemView, Section, Value};
use wattle_sync::{Heads, Parts};

use super::foot;
use crate::desk::{Opened, Scene};
use crate::page::Page;
use crate::show;
use crate::trouble::Trouble;

/// Characters around a word that was found.
const AROUND_CHARS: usize = 100;

/// Shows the items and bodies that hold all words, those with a word in their title first.
pub(crate) async fn run(
    desk: &Opened,
    (query, max_tokens): (String, Option<usize>),
    heads: Heads,
) -> Result<String, Trouble> {
    let read = move |scene: Scene<'_>| {
        let mut page = Page::new(max_tokens);
        let words: Vec<String> = query.split_whitespace().map(str::to_lowercase).collect();
        let mut found = found(scene, &words);
        found.sort_by_key(|(in_title, _)| !in_title);
        let lines: Vec<String> = found.into_iter().map(|(_, line)| line).collect();
        let heading = format!("Found for \"{}\":", brief(&query, 80));
        if lines.is_empty() {
            page.line(&format!("Nothing was found for \"{}\".", brief(&query, 80)));
        }
        page.block(&heading, &lines, "use more words");
        page.end(&foot(scene, &heads))
    };
    desk.view(Parts::All, read).await
}

fn found(scene: Scene<'_>, words: &[String]) -> Vec<(bool, String)> {
    let sections = Section::ALL.into_iter().map(|section| scene.context.section(section));
    let items = sections.flat_map(|section| section.items);
    items.filter_map(|item| hit(scene, &item, words)).collect()
}

/// An item that holds all words: whether its title holds one, and its line with the passage.
fn hit(scene: Scene<'_>, item: &ItemView, words: &[String]) -> Option<(bool, String)> {
    let title = show::title(item).to_lowercase();
    let mut texts = vec![(String::new(), title.clone())];
    for (name, field) in &item.fields {
        let values = field.in_force.iter().map(Value::to_string).collect::<Vec<_>>().join(" ");
        texts.push((name.clone(), values));
    }
    if item.section == Section::Documents {
        texts.extend(scene.context.body(&item.id).map(|body| ("body".to_owned(), body)));
    }
    let lower: Vec<String> = texts.iter().map(|(_, text)| text.to_lowercase()).collect();
    let all = words.iter().all(|word| lower.iter().any(|text| text.contains(word.as_str())));
    if !all {
        return None;
    }
    let in_title = words.iter().any(|word| title.contains(word.as_str()));
    let elsewhere = words.iter().find(|word| !title.contains(word.as_str()));
    let passage = elsewhere.and_then(|word| {
        let (name, text) =
            texts.iter().find(|(_, text)| text.to_lowercase().contains(word.as_str()))?;
        Some(format!("\n  {name}: \"{}\"", around(text, word)))
    });
    Some((in_title, format!("{}{}", show::line(item, scene.now_ms), passage.unwrap_or_default())))
}

/// The text around a word.
fn around(text: &str, word: &str) -> String {
    let line = text.lines().find(|line| line.to_lowercase().contains(word)).unwrap_or_default();
    let before = line.to_lowercase().find(word).unwrap_or_default();
    let skip = line.char_indices().filter(|(at, _)| *at < before).count();
    let from = skip.saturating_sub(AROUND_CHARS / 2);
    let part: String = line.chars().skip(from).collect();
    cut(&brief(&part, AROUND_CHARS * 2), AROUND_CHARS * 2)
}
