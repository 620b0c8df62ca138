//! The file: a thread of its own, so that a slow disk keeps nobody waiting.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

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
    /// Lines that found the queue full since the last one that did not.
    lost: AtomicU64,
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
    pub(super) fn open(path: &Path) -> Result<Self, StartError> {
        let file = fs::OpenOptions::new().create(true).append(true).open(path);
        let file = file.map_err(|error| StartError::Audit { path: path.to_owned(), error })?;
        let (lines, receiver) = sync_channel(AUDIT_LINES_WAITING_MAX);
        let handle = std::thread::Builder::new()
            .name("audit".to_owned())
            .spawn(move || write(file, &receiver))
            .map_err(StartError::Thread)?;
        let thread = Mutex::new(Some(Thread { lines, handle }));
        Ok(Self { thread, lost: AtomicU64::new(0) })
    }

    pub(super) fn write(&self, act: &Act) {
        let thread = self.lock();
        let Some(Thread { lines, .. }) = &*thread else { return };
        let lost = self.lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            let line = line(&Lost { act: "lost", lines: lost });
            if lines.try_send(line).is_err() {
                self.lost.fetch_add(lost + 1, Ordering::Relaxed);
                return;
            }
            tracing::error!(lines = lost, "the audit log lacks lines: its disk was too slow");
        }
        if lines.try_send(line(act)).is_err() && self.lost.fetch_add(1, Ordering::Relaxed) == 0 {
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

/// Each line at once; a disk that takes none is told of once.
fn write(mut file: fs::File, lines: &Receiver<Vec<u8>>) {
    let mut fails = false;
    while let Ok(line) = lines.recv() {
        match file.write_all(&line).and_then(|()| file.flush()) {
            Ok(()) => fails = false,
            Err(error) => {
                if !fails {
                    tracing::error!(%error, "the audit log cannot be written");
                }
                fails = true;
            }
        }
    }
}
