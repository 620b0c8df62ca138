//! The columns of a change: their order, and how many values their runs declare.
//!
//! A run is written in a few bytes however long it is, so a chunk of fifty bytes can declare 2^62
//! operations; Automerge would spend minutes on them. Here every run is added up and none is expanded.

use super::HeaderError;
use super::parse::Reader;
use crate::limits::CHANGE_OPS_MAX;

/// What the values of columns are measured against.
pub(super) struct Shape {
    /// The actors that the change names, itself included.
    pub(super) actors: u64,
}

// A column's specification: its number times 16, plus its type. Bit 3 would say that it is
// compressed, which columns of changes never are.
const OBJECT_ACTOR: u64 = 0x01;
const OBJECT_COUNTER: u64 = 0x02;
const KEY_ACTOR: u64 = 0x11;
const KEY_COUNTER: u64 = 0x13;
const KEY_STRING: u64 = 0x15;
const INSERT: u64 = 0x34;
const ACTION: u64 = 0x42;
const VALUE_LENGTHS: u64 = 0x56;
const VALUE: u64 = 0x57;
const PRED_COUNT: u64 = 0x70;
const PRED_ACTOR: u64 = 0x71;
const PRED_COUNTER: u64 = 0x73;
const EXPAND: u64 = 0x94;
const MARK_NAME: u64 = 0xa5;

/// The highest action of Automerge 0.12: a mark.
const ACTION_MAX: u64 = 7;
/// There are no more columns than the constants above.
const COLUMNS_MAX: u64 = 14;

/// Reads the table of columns and their data, and counts the operations.
pub(super) fn count(body: &mut Reader<'_>, shape: &Shape) -> Result<u64, HeaderError> {
    let count = body.unsigned()?;
    let mut table = *body;
    let mut length = 0_usize;
    let mut previous = None;
    for _ in 0..count {
        let spec = body.unsigned()?;
        if previous >= Some(spec) || count > COLUMNS_MAX {
            return Err(HeaderError::ColumnOrder { spec });
        }
        previous = Some(spec);
        length = length.checked_add(body.length()?).ok_or(HeaderError::Truncated)?;
    }
    let data = Reader(body.take(length)?);
    let ops = total_of_actions(table, count, data)?;
    let mut sums = Sums { ops, values: 0, preds: 0 };
    let mut data = data;
    for _ in 0..count {
        let spec = table.unsigned()?;
        let length = table.length()?;
        sums.check(spec, data.take(length)?, shape)?;
    }
    Ok(ops)
}

/// The number of operations is what the action column declares; without one there are none.
fn total_of_actions(
    mut table: Reader<'_>,
    count: u64,
    mut data: Reader<'_>,
) -> Result<u64, HeaderError> {
    for _ in 0..count {
        let spec = table.unsigned()?;
        let length = table.length()?;
        let column = data.take(length)?;
        if spec == ACTION {
            let runs = Column { spec, limit: CHANGE_OPS_MAX, value_max: ACTION_MAX };
            return Ok(runs.unsigned(column)?.count);
        }
    }
    Ok(0)
}

/// What earlier columns have declared for later ones.
struct Sums {
    ops: u64,
    values: u64,
    preds: u64,
}

impl Sums {
    fn check(&mut self, spec: u64, data: &[u8], shape: &Shape) -> Result<(), HeaderError> {
        let column = |limit, value_max| Column { spec, limit, value_max };
        let actor_max = shape.actors - 1;
        match spec {
            OBJECT_ACTOR | KEY_ACTOR => column(self.ops, actor_max).unsigned(data).map(drop),
            OBJECT_COUNTER => column(self.ops, u64::MAX).unsigned(data).map(drop),
            KEY_COUNTER => column(self.ops, u64::MAX).signed(data),
            KEY_STRING | MARK_NAME => column(self.ops, u64::MAX).strings(data),
            INSERT | EXPAND => column(self.ops, u64::MAX).booleans(data),
            ACTION => Ok(()),
            VALUE_LENGTHS => {
                // The low four bits are the value's type.
                self.values = column(self.ops, u64::MAX).unsigned(data)?.sum_of_lengths;
                Ok(())
            }
            VALUE if data.len() as u64 == self.values => Ok(()),
            VALUE => Err(HeaderError::Column { spec }),
            PRED_COUNT => {
                self.preds = column(self.ops, CHANGE_OPS_MAX).unsigned(data)?.sum;
                let limit = CHANGE_OPS_MAX;
                if self.preds > limit {
                    return Err(HeaderError::ColumnCount { spec, count: self.preds, limit });
                }
                Ok(())
            }
            PRED_ACTOR => column(self.preds, actor_max).unsigned(data).map(drop),
            PRED_COUNTER => column(self.preds, u64::MAX).signed(data),
            _ => Err(HeaderError::UnknownColumn { spec }),
        }
    }
}

/// What the runs of a column of numbers add up to.
#[derive(Default)]
struct Total {
    count: u64,
    sum: u64,
    sum_of_lengths: u64,
}

struct Column {
    spec: u64,
    limit: u64,
    value_max: u64,
}

/// One run: the same value several times, several values, or several times none.
enum Run {
    Same(u64),
    Each(u64),
    None,
}

impl Column {
    fn unsigned(&self, data: &[u8]) -> Result<Total, HeaderError> {
        let mut total = Total::default();
        let mut values = Reader(data);
        total.count = self.runs(&mut values, |values, run| {
            let (times, reads) = match run {
                Run::Same(times) => (times, 1),
                Run::Each(reads) => (1, reads),
                Run::None => return Ok(()),
            };
            for _ in 0..reads {
                let value = values.unsigned()?;
                if value > self.value_max {
                    let (spec, limit) = (self.spec, self.value_max);
                    return Err(HeaderError::ColumnValue { spec, value, limit });
                }
                total.sum = total.sum.saturating_add(value.saturating_mul(times));
                total.sum_of_lengths =
                    total.sum_of_lengths.saturating_add((value >> 4).saturating_mul(times));
            }
            Ok(())
        })?;
        Ok(total)
    }

    fn signed(&self, data: &[u8]) -> Result<(), HeaderError> {
        self.runs(&mut Reader(data), |values, run| {
            run.reads().try_for_each(|_| values.signed().map(drop))
        })?;
        Ok(())
    }

    fn strings(&self, data: &[u8]) -> Result<(), HeaderError> {
        self.runs(&mut Reader(data), |values, run| {
            run.reads().try_for_each(|_| {
                let length = values.length()?;
                let text = values.take(length)?;
                str::from_utf8(text).map(drop).map_err(|_| HeaderError::Column { spec: self.spec })
            })
        })?;
        Ok(())
    }

    /// Counts of false and true in turn.
    fn booleans(&self, data: &[u8]) -> Result<(), HeaderError> {
        let mut data = Reader(data);
        let mut count = 0_u64;
        while !data.0.is_empty() {
            count = self.add(count, data.unsigned().map_err(|error| self.inside(error))?)?;
        }
        Ok(())
    }

    /// Walks the runs: a positive count and one value, a negative count and as many values,
    /// or zero and a count of absent values. Every literal value takes at least one byte, so the
    /// work is bounded by the column's length.
    fn runs<'a>(
        &self,
        data: &mut Reader<'a>,
        mut read: impl FnMut(&mut Reader<'a>, Run) -> Result<(), HeaderError>,
    ) -> Result<u64, HeaderError> {
        let mut count = 0_u64;
        while !data.0.is_empty() {
            let length = data.signed().map_err(|error| self.inside(error))?;
            let (times, run) = match length {
                0 => (data.unsigned().map_err(|error| self.inside(error))?, Run::None),
                1.. => (length.unsigned_abs(), Run::Same(length.unsigned_abs())),
                ..0 => (length.unsigned_abs(), Run::Each(length.unsigned_abs())),
            };
            count = self.add(count, times)?;
            read(data, run).map_err(|error| self.inside(error))?;
        }
        Ok(count)
    }

    fn add(&self, count: u64, times: u64) -> Result<u64, HeaderError> {
        let count = count.saturating_add(times);
        let (spec, limit) = (self.spec, self.limit);
        if count > limit {
            return Err(HeaderError::ColumnCount { spec, count, limit });
        }
        Ok(count)
    }

    /// A column that ends early or holds a bad number is malformed as a column.
    fn inside(&self, error: HeaderError) -> HeaderError {
        if matches!(error, HeaderError::Truncated | HeaderError::Number) {
            return HeaderError::Column { spec: self.spec };
        }
        error
    }
}

impl Run {
    fn reads(&self) -> std::ops::Range<u64> {
        match self {
            Self::Same(_) => 0..1,
            Self::Each(count) => 0..*count,
            Self::None => 0..0,
        }
    }
}
