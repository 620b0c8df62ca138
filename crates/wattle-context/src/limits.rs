//! Every limit of a context's values and reads, with its unit in its name.

/// The title of an item, or another short name.
pub const TITLE_CHARS_MAX: usize = 200;
/// The statement of a rule.
pub const STATEMENT_CHARS_MAX: usize = 500;
/// A word: a status, a kind, a date, a media type.
pub const WORD_CHARS_MAX: usize = 100;
/// The body of a knowledge document.
pub const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Any other text, and the texts of a log together.
pub const TEXT_BYTES_MAX: usize = 100 * 1024;
/// An entry of a log.
pub const LOG_ENTRY_BYTES_MAX: usize = 10 * 1024;
/// An element of a set, or the key of a map.
pub const ELEMENT_BYTES_MAX: usize = 200;
/// Elements of one set, or entries of one map.
pub const ELEMENTS_MAX: usize = 1_000;
/// Entries of one log.
pub const LOG_ENTRIES_MAX: usize = 10_000;
/// Items of one section.
pub const ITEMS_MAX: usize = 100_000;
/// The reason of an edit.
pub const WHY_BYTES_MAX: usize = 1_000;
/// The name of an author or of a client.
pub const NAME_BYTES_MAX: usize = 100;
/// A path, as text.
pub const PATH_BYTES_MAX: usize = 500;
/// Edits of one call.
pub const EDITS_MAX: usize = 1_000;
/// What one change writes at most, in operations; a longer text becomes several changes.
pub const CHANGE_OPS_TARGET: usize = 50_000;
/// The same in bytes of values.
pub const CHANGE_BYTES_TARGET: usize = 256 * 1024;
/// Concurrent values of one field that a read looks at.
pub const CANDIDATES_MAX: usize = 100;
/// Competing claims of one task that a read looks at; each takes two bits of a number of 128.
pub const RIVALS_MAX: usize = 60;
/// How far back a contested base is followed to one that was not.
pub const CONTESTED_BASES_MAX: usize = 1_000;
/// Edits of others that an answer names.
pub const TOUCHES_MAX: usize = 20;
/// Defects that one read lists.
pub const DEFECTS_MAX: usize = 1_000;
/// The base of a version token, for one head, in hexadecimal digits.
pub const HEAD_DIGITS: usize = 16;
/// The shortest prefix of an item's id that names it.
pub const ID_PREFIX_CHARS_MIN: usize = 4;
/// Splices and deleted characters as of an earlier version; for more a copy that stops there is quicker (measured).
pub const SEEKS_AS_OF_MAX: usize = 8;
/// Other actors that one change may name; who rewrites the text of more of them writes several changes.
pub const CHANGE_ACTORS_MAX: usize = 256;
/// Changes on which one change builds.
pub const DEPS_MAX: usize = 64;
