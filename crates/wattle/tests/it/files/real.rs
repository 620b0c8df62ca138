//! The whole way there and back with files that others have written for their own projects.

use std::fs;
use std::path::{Path, PathBuf};

use super::{around, items, text, values, words};
use crate::desk::Desk;

/// The folder with a project each.
const PROJECTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/real");
/// Not their own name: programs would take them for instructions about this project.
const ENDING: &str = ".md.txt";
/// What a hand edit puts at the end of a line.
const ADDED: &str = " Zebras graze.";

/// The files, each with its place in its project, in the order of their names.
fn files() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for project in entries(Path::new(PROJECTS)) {
        let mut folders = vec![project.clone()];
        while let Some(folder) = folders.pop().filter(|folder| folder.is_dir()) {
            folders.extend(entries(&folder).into_iter().filter(|one| one.is_dir()));
            for file in entries(&folder) {
                let place = file.strip_prefix(&project).unwrap().to_str().unwrap();
                if let Some(name) = place.strip_suffix(ENDING) {
                    found.push((file.clone(), format!("{name}.md")));
                }
            }
        }
    }
    found
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    entries
}

#[test]
fn files_of_others_come_in_go_out_and_come_back_whole() {
    let files = files();
    assert!(files.len() >= 5, "{files:?}");
    for (file, place) in files {
        let as_it_is = fs::read_to_string(&file).unwrap();
        let named = file.strip_prefix(PROJECTS).unwrap().display();
        for end in ["\n", "\r\n"] {
            let whole = as_it_is.replace('\n', end);
            let told = format!("{named} with {end:?}");
            let way = Way { ana: Desk::new("ana"), file: place.clone(), end, told };
            way.ana.write(&way.file, &whole);
            way.comes_in(&whole);
            way.goes_out(&whole);
            way.is_edited_by_hand();
            way.is_written_elsewhere();
        }
    }
}

/// The way of one file.
struct Way {
    ana: Desk,
    file: String,
    /// How its lines end.
    end: &'static str,
    /// What it is called in a failure.
    told: String,
}

impl Way {
    /// Counts of what an import did: new, rewritten, removed.
    fn import(&self, file: &str) -> [u64; 3] {
        let done = self.ana.json(&["import", "--yes", file]);
        ["new", "rewritten", "removed"].map(|fate| done[fate].as_u64().unwrap())
    }

    fn counts(&self) -> [usize; 2] {
        ["rules", "instructions"].map(|section| items(&self.ana, section).len())
    }

    fn comes_in(&self, whole: &str) {
        let [new, ..] = self.import(&self.file);
        assert_eq!(new, self.counts().iter().sum::<usize>() as u64, "{}", self.told);
        let said = values(&self.ana);
        let lost: Vec<_> = words(whole).difference(&words(&said)).copied().collect();
        assert_eq!(lost, Vec::<&str>::new(), "{}", self.told);
        let before = self.ana.export();
        assert_eq!(self.import(&self.file), [0, 0, 0], "{}", self.told);
        assert_eq!(self.ana.export(), before, "{}", self.told);
        assert_eq!(text(&self.ana, &self.file), whole, "{} is only read", self.told);
    }

    /// Behind what was there, and without what the file says already.
    fn goes_out(&self, whole: &str) {
        self.ana.edit(&["rules", "add", "Keep the harbour clean"]);
        self.ana.edit(&["rules", "add", "No deploys on Friday"]);
        self.ana.ok(&["export", "--into", &self.file]);
        let exported = text(&self.ana, &self.file);
        let block = exported.strip_prefix(whole).unwrap();
        let shown: Vec<_> =
            block.lines().filter(|line| line.starts_with(['-', '#', '>'])).collect();
        let own = ["## Rules", "- Keep the harbour clean", "- No deploys on Friday"];
        assert_eq!(shown, own, "{}", self.told);
        self.ana.ok(&["export", "--into", &self.file]);
        assert_eq!(text(&self.ana, &self.file), exported, "{}", self.told);
    }

    /// Outside of the block a line says more; inside one does, one is new, and one is gone.
    fn is_edited_by_hand(&self) {
        let exported = text(&self.ana, &self.file);
        let line = running_line(&exported).unwrap_or_else(|| panic!("{}: no text", self.told));
        let edited = exported
            .replacen(line, &format!("{line}{ADDED}"), 1)
            .replacen(
                "harbour clean",
                &format!("harbour very clean{}- Feed the gulls", self.end),
                1,
            )
            .replacen(&format!("- No deploys on Friday{}", self.end), "", 1);
        self.ana.write(&self.file, &edited);
        let before = self.counts();
        assert_eq!(self.import(&self.file), [1, 2, 1], "{}: {line}", self.told);
        assert_eq!(self.counts(), before, "{}", self.told);
        assert_eq!(values(&self.ana).matches(ADDED).count(), 1, "{}", self.told);
        let now = text(&self.ana, &self.file);
        assert_eq!(around(&now), around(&edited), "{}", self.told);
        let said = self.ana.export();
        assert_eq!(self.import(&self.file), [0, 0, 0], "{}", self.told);
        assert_eq!((self.ana.export(), text(&self.ana, &self.file)), (said, now), "{}", self.told);
        let open = self.ana.json(&["conflicts"]);
        assert_eq!(open["conflicts"].as_array().unwrap().len(), 0, "{}", self.told);
    }

    /// All of it in the block of another file, where the same line is edited again.
    fn is_written_elsewhere(&self) {
        self.ana.ok(&["export", "--into", "COPY.md"]);
        let (said, before) = (self.ana.export(), self.counts());
        assert_eq!(self.import("COPY.md"), [0, 0, 0], "{}", self.told);
        assert_eq!(self.ana.export(), said, "{}", self.told);
        let copy = text(&self.ana, "COPY.md");
        assert_eq!(copy.matches(ADDED).count(), 1, "{}", self.told);
        self.ana.write("COPY.md", &copy.replace(ADDED, " Zebras sleep."));
        assert_eq!(self.import("COPY.md"), [0, 1, 0], "{}", self.told);
        assert_eq!(self.counts(), before, "{}", self.told);
        let expected = said.replace(ADDED, " Zebras sleep.");
        assert_eq!(self.ana.export(), expected, "{}", self.told);
    }
}

/// The first line of running text or of a list that announces no other lines.
fn running_line(text: &str) -> Option<&str> {
    let mut in_code = false;
    text.lines().find(|line| {
        in_code ^= line.trim_start().starts_with("```");
        let begins = line.starts_with(|c: char| c.is_alphabetic() || "-*".contains(c));
        !in_code
            && begins
            && line.len() > 40
            && !line.ends_with([':', '-', '\\'])
            && !line.contains('|')
    })
}
