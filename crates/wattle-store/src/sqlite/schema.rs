//! The format of the file: its tables, its version, and the steps from each version to the next.

use rusqlite::{Connection, Transaction, TransactionBehavior};
use wattle_protocol::{ActorId, ContextId, PublicKey, StoreId};

/// Marks a SQLite file as one of ours: "Wttl".
pub(super) const APPLICATION_ID: i32 = 0x5774_746c;

/// How the format came to be: step `n` turns version `n` into version `n + 1`.
///
/// A step that has been released is never edited; a new format is a further step.
pub(super) const STEPS: &[&str] = &[VERSION_1, VERSION_2, VERSION_3];

/// The rowid of `log` is the position: AUTOINCREMENT keeps it from being used twice. `bytes` comes last,
/// so that a long change is not read to reach another column. Lists of hashes are hashes end to end.
const VERSION_1: &str = "
CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE doc (
    id INTEGER PRIMARY KEY,
    context BLOB NOT NULL CHECK (length(context) = 32),
    scope INTEGER NOT NULL,
    item BLOB NOT NULL CHECK (length(item) = 16),
    heads BLOB NOT NULL,
    last INTEGER NOT NULL,
    pruned INTEGER NOT NULL,
    snapshot INTEGER NOT NULL,
    UNIQUE (context, scope, item)
) STRICT;

CREATE TABLE log (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    doc INTEGER NOT NULL REFERENCES doc (id),
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    actor BLOB NOT NULL CHECK (length(actor) = 16),
    seq INTEGER NOT NULL,
    start_op INTEGER NOT NULL,
    ops INTEGER NOT NULL,
    time INTEGER NOT NULL,
    author BLOB,
    deps BLOB NOT NULL,
    seal BLOB,
    bytes BLOB,
    UNIQUE (doc, hash),
    UNIQUE (doc, actor, seq)
) STRICT;
CREATE INDEX log_doc ON log (doc);

CREATE TABLE snapshot (
    doc INTEGER NOT NULL REFERENCES doc (id),
    upto INTEGER NOT NULL,
    seals BLOB NOT NULL,
    bytes BLOB NOT NULL,
    UNIQUE (doc, upto)
) STRICT;

CREATE TABLE access (
    context BLOB NOT NULL CHECK (length(context) = 32),
    number INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (context, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE remote (
    store BLOB NOT NULL CHECK (length(store) = 16),
    context BLOB NOT NULL CHECK (length(context) = 32),
    scope INTEGER NOT NULL,
    item BLOB NOT NULL CHECK (length(item) = 16),
    cursor INTEGER NOT NULL,
    durable BLOB NOT NULL,
    PRIMARY KEY (store, context, scope, item)
) STRICT, WITHOUT ROWID;

CREATE TABLE note (
    name TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
";

/// Rights that end: whose changes there are, what was taken out of the documents and of the access log,
/// and what waits for it. The first change of an actor names its author, the others do not.
const VERSION_2: &str = "
CREATE INDEX log_author ON log (author) WHERE author IS NOT NULL;

CREATE TABLE removed (
    id INTEGER PRIMARY KEY,
    context BLOB NOT NULL CHECK (length(context) = 32),
    scope INTEGER NOT NULL,
    item BLOB NOT NULL CHECK (length(item) = 16),
    entries INTEGER NOT NULL,
    position INTEGER NOT NULL,
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    actor BLOB NOT NULL CHECK (length(actor) = 16),
    seq INTEGER NOT NULL,
    start_op INTEGER NOT NULL,
    ops INTEGER NOT NULL,
    time INTEGER NOT NULL,
    author BLOB,
    deps BLOB NOT NULL,
    seal BLOB,
    bytes BLOB,
    UNIQUE (context, scope, item, hash)
) STRICT;

CREATE TABLE void (
    id INTEGER PRIMARY KEY,
    context BLOB NOT NULL CHECK (length(context) = 32),
    number INTEGER NOT NULL,
    bytes BLOB NOT NULL
) STRICT;
CREATE INDEX void_context ON void (context);

CREATE TABLE proposal (
    id INTEGER PRIMARY KEY,
    context BLOB NOT NULL CHECK (length(context) = 32),
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    bytes BLOB NOT NULL,
    UNIQUE (context, hash)
) STRICT;

CREATE TABLE receipt (
    context BLOB NOT NULL CHECK (length(context) = 32),
    scope INTEGER NOT NULL,
    item BLOB NOT NULL CHECK (length(item) = 16),
    key BLOB NOT NULL CHECK (length(key) = 32),
    epoch INTEGER NOT NULL,
    signature BLOB NOT NULL CHECK (length(signature) = 64),
    heads BLOB NOT NULL,
    PRIMARY KEY (context, scope, item, key)
) STRICT, WITHOUT ROWID;
";

/// Leases of contexts whose access log is ordered here; the number of a context in `fence` only grows. From here on
/// actor ids are those of their authors' keys, and what other programs wrote is not.
const VERSION_3: &str = "
CREATE TABLE lease (
    context BLOB NOT NULL CHECK (length(context) = 32),
    scope INTEGER NOT NULL,
    item BLOB NOT NULL CHECK (length(item) = 16),
    claim BLOB NOT NULL CHECK (length(claim) = 16),
    holder BLOB NOT NULL CHECK (length(holder) = 32),
    term INTEGER NOT NULL,
    entry INTEGER NOT NULL,
    number INTEGER NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (context, scope, item)
) STRICT, WITHOUT ROWID;
CREATE INDEX lease_until ON lease (context, until);
CREATE INDEX lease_holder ON lease (context, holder);

CREATE TABLE fence (
    context BLOB NOT NULL PRIMARY KEY CHECK (length(context) = 32),
    number INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
";
/// The first version of which that is true of actor ids.
const BOUND_SINCE: u32 = 3;

/// Whether a file can be used, going by its first page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// Nothing has been written to it.
    Empty,
    /// It belongs to another program.
    Foreign,
    /// A later program has made or migrated it.
    Newer(u32),
    /// One of ours, perhaps of an earlier version.
    Ours,
}

/// Reads what the file says of itself.
pub(super) fn format(connection: &Connection, steps: &[&str]) -> rusqlite::Result<Format> {
    // All at one moment: another process may be creating it.
    let transaction = connection.unchecked_transaction()?;
    let application: i32 = pragma(&transaction, "application_id")?;
    let version: u32 = pragma(&transaction, "user_version")?;
    let objects: i64 =
        transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    transaction.commit()?;
    Ok(match application {
        APPLICATION_ID if version > newest(steps) => Format::Newer(version),
        APPLICATION_ID => Format::Ours,
        0 if version == 0 && objects == 0 => Format::Empty,
        _ => Format::Foreign,
    })
}

/// Whether the file is from before actor ids were those of keys, and has changes that say so.
pub(super) fn is_unbound(connection: &Connection) -> rusqlite::Result<bool> {
    let version = version(connection)?;
    if version == 0 || version >= BOUND_SINCE {
        return Ok(false);
    }
    let mut query = connection.prepare(
        "SELECT context, actor, author FROM log JOIN doc ON doc.id = log.doc WHERE author IS NOT NULL",
    )?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let (context, actor) = (ContextId(row.get(0)?), ActorId(row.get(1)?));
        if !actor.is_of(&context, &PublicKey(row.get(2)?)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Takes an empty or an older file to the newest version, in one transaction: all steps or none.
/// A file that was empty is named `id`.
pub(super) fn migrate(
    connection: &Connection,
    steps: &[&str],
    id: StoreId,
) -> rusqlite::Result<()> {
    if version(connection)? == newest(steps) {
        return Ok(());
    }
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    // Another process may have done it while this one waited for the lock.
    let from = version(&transaction)?;
    for step in steps.iter().skip(from as usize) {
        transaction.execute_batch(step)?;
    }
    if from == 0 {
        transaction.execute("INSERT INTO meta (name, value) VALUES ('store', ?1)", [id.0])?;
    }
    if from < newest(steps) {
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", newest(steps))?;
    }
    transaction.commit()
}

/// The name of the storage.
pub(super) fn store_id(connection: &Connection) -> rusqlite::Result<StoreId> {
    connection
        .query_row("SELECT value FROM meta WHERE name = 'store'", [], |row| row.get(0))
        .map(StoreId)
}

/// The version that the steps lead to.
pub(super) fn newest(steps: &[&str]) -> u32 {
    u32::try_from(steps.len()).unwrap_or(u32::MAX)
}

fn version(connection: &Connection) -> rusqlite::Result<u32> {
    pragma(connection, "user_version")
}

fn pragma<T: rusqlite::types::FromSql>(connection: &Connection, name: &str) -> rusqlite::Result<T> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}
