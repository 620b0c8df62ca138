//! The file: a thread of its own, so that a slow disk keeps nobody waiting.

#[cfg(test)]
mod tests;

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use prometheus_client::metrics::counter::Counter;
use serde::Serialize;
use wattle_sync::clock::now_s;

use super::Act;
use crate::limits::AUDIT_LINES_WAITING_MAX;
use crate::relay::StartError;

/// The end that is written to.
#[derive(Debug)]
pub(super) struct File {
    /// Absent once it is finished.
    thread: Mutex<Option<Thread>>,
    lost: Arc<Losses>,
}

/// Lines that are not in the file: the queue was full, or the disk took none.
#[derive(Debug)]
struct Losses {
    /// Of which the file does not tell yet.
    untold: AtomicU64,
    all: Counter,
}

#[derive(Debug)]
struct Thread {
    lines: SyncSender<Vec<u8>>,
    handle: JoinHandle<()>,
}

/// A line: when, and what.
#[derive(Serialize)]
struct Line<'a, T> {
    /// Seconds since 1970.
    time: u64,
    #[serde(flatten)]
    what: &'a T,
}

/// In place of lines that were lost.
#[derive(Serialize)]
struct Lost {
    act: &'static str,
    lines: u64,
}

impl File {
    /// Counts the lines that are lost.
    pub(super) fn open(path: &Path, all: Counter) -> Result<Self, StartError> {
        let file = fs::OpenOptions::new().create(true).append(true).open(path);
        let file = file.map_err(|error| StartError::Audit { path: path.to_owned(), error })?;
        let (lines, receiver) = sync_channel(AUDIT_LINES_WAITING_MAX);
        let lost = Arc::new(Losses { untold: AtomicU64::new(0), all });
        let handle = std::thread::Builder::new()
            .name("audit".to_owned())
            .spawn({
                let lost = Arc::clone(&lost);
                move || write(file, &receiver, &lost)
            })
            .map_err(StartError::Thread)?;
        let thread = Mutex::new(Some(Thread { lines, handle }));
        Ok(Self { thread, lost })
    }

    pub(super) fn write(&self, act: &Act) {
        let thread = self.lock();
        let Some(Thread { lines, .. }) = &*thread else { return };
        if lines.try_send(line(act)).is_err() && self.lost.add() == 1 {
            tracing::error!("the audit log's disk is too slow; lines are lost");
        }
    }

    pub(super) fn finish(&self) {
        let Some(Thread { lines, handle }) = self.lock().take() else { return };
        drop(lines);
        if handle.join().is_err() {
            tracing::error!("the audit log's thread panicked");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Thread>> {
        self.thread.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn line<T: Serialize>(what: &T) -> Vec<u8> {
    let mut line = serde_json::to_vec(&Line { time: now_s(), what }).unwrap_or_default();
    line.push(b'\n');
    line
}

impl Losses {
    /// One more; answers how many the file does not tell of.
    fn add(&self) -> u64 {
        self.all.inc();
        self.untold.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// Each line at once. When the disk takes lines again, the first of them says how many it has not taken.
fn write(mut file: impl Write, lines: &Receiver<Vec<u8>>, lost: &Losses) {
    let mut fails = false;
    while let Ok(line) = lines.recv() {
        let untold = lost.untold.swap(0, Ordering::Relaxed);
        let told = match untold {
            0 => Ok(()),
            // A line that was cut off ends here.
            count => put(&mut file, &[&b"\n"[..], &lost_line(count)].concat()),
        };
        if told.is_ok() && untold > 0 {
            tracing::error!(lines = untold, "the audit log lacks lines");
        }
        match told.and_then(|()| put(&mut file, &line)) {
            Ok(()) => fails = false,
            Err(error) => {
                lost.untold.fetch_add(untold, Ordering::Relaxed);
                lost.add();
                if !fails {
                    tracing::error!(%error, "the audit log cannot be written; lines are lost");
                }
                fails = true;
            }
        }
    }
}

fn put(file: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    file.write_all(bytes).and_then(|()| file.flush())
}

fn lost_line(lines: u64) -> Vec<u8> {
    line(&Lost { act: "lost", lines })
}
