use super::*;

/// Takes nothing for the first few times.
struct Disk {
    fails: usize,
    bytes: Vec<u8>,
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.fails > 0 {
            self.fails -= 1;
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.bytes.extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn lines_that_the_disk_did_not_take_are_counted_there_and_in_the_file() {
    let lost = Losses { untold: AtomicU64::new(0), all: Counter::default() };
    let mut disk = Disk { fails: 2, bytes: Vec::new() };
    let (sender, lines) = sync_channel(4);
    for line in ["one\n", "two\n", "three\n", "four\n"] {
        sender.send(line.as_bytes().to_vec()).unwrap();
    }
    drop(sender);
    write(&mut disk, &lines, &lost);
    let text = String::from_utf8(disk.bytes).unwrap();
    let written: Vec<&str> = text.lines().collect();
    let ["", told, "three", "four"] = written[..] else { panic!("{text}") };
    let told: serde_json::Value = serde_json::from_str(told).unwrap();
    assert_eq!((&told["act"], &told["lines"]), (&"lost".into(), &2.into()));
    assert_eq!((lost.all.get(), lost.untold.load(Ordering::Relaxed)), (2, 0));
}
