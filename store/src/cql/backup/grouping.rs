//! The writes that make a row again. Cells that were written together come back together, under their timestamp.

use super::form::{Cell, Row};

/// The timestamp of a row that has nothing but a key: before all others, so that whatever is written or deleted later stands.
const FIRST: i64 = 1;

#[derive(Debug, PartialEq, Eq)]
pub struct Group {
    /// Whether the row itself is made with it, and not only its cells.
    pub makes: bool,
    /// Among the columns that are no keys: those that get their value, and those that are made null.
    pub columns: Vec<usize>,
    pub nulls: Vec<usize>,
    pub written: i64,
    /// Seconds from now.
    pub stays: Option<i64>,
}

/// The writes for a row, at a second since 1970; none if all of it has ended by then.
///
/// The oldest makes the row, because a deletion at a later place or time must take all of it away. It also carries the columns that are
/// null: rows of the log are written whole, and without the nulls an older version that comes late would fill the gaps.
pub fn groups(row: &Row, key_stays: Option<i64>, now: i64) -> Vec<Group> {
    let lives = |cell: &Cell| cell.ends.is_none_or(|ends| ends > now);
    let mut found: Vec<Group> = Vec::new();
    let mut nulls = Vec::new();
    for (column, cell) in row.cells.iter().enumerate() {
        let Some(cell) = cell.as_ref().filter(|cell| lives(cell)) else {
            nulls.push(column);
            continue;
        };
        let (written, stays) = (cell.written, cell.ends.map(|ends| ends - now));
        match found.iter_mut().find(|group| (group.written, group.stays) == (written, stays)) {
            Some(group) => group.columns.push(column),
            None => found.push(Group { makes: false, columns: vec![column], nulls: Vec::new(), written, stays }),
        }
    }
    found.sort_by_key(|group| group.written);
    let ended = row.cells.iter().flatten().next().is_some() && found.is_empty();
    if found.is_empty() && !ended {
        found.push(Group { makes: true, columns: Vec::new(), nulls: Vec::new(), written: FIRST, stays: key_stays });
    }
    if let Some(first) = found.first_mut() {
        first.makes = true;
        first.nulls = nulls;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[Option<(i64, Option<i64>)>]) -> Row {
        let cell = |written, ends| Cell { value: vec![1], written, ends };
        Row { keys: vec![vec![1]], cells: cells.iter().map(|found| found.map(|(written, ends)| cell(written, ends))).collect() }
    }

    fn group(makes: bool, columns: &[usize], nulls: &[usize], written: i64, stays: Option<i64>) -> Group {
        Group { makes, columns: columns.to_vec(), nulls: nulls.to_vec(), written, stays }
    }

    #[test]
    fn a_row_of_the_log_comes_back_whole_with_its_nulls_and_its_epoch_apart() {
        let epoch = (1 << 50) - 2;
        let made = groups(&row(&[Some((40, None)), Some((epoch, None)), None, Some((40, None))]), None, 1_000);
        assert_eq!(made, [group(true, &[0, 3], &[2], 40, None), group(false, &[1], &[], epoch, None)]);
    }

    #[test]
    fn what_was_kept_for_a_time_is_kept_for_what_is_left_of_it() {
        let found = row(&[Some((40, Some(1_100))), Some((50, Some(1_400)))]);
        assert_eq!(groups(&found, None, 1_000), [group(true, &[0], &[], 40, Some(100)), group(false, &[1], &[], 50, Some(400))]);
        assert_eq!(groups(&found, None, 1_100), [group(true, &[1], &[0], 50, Some(300))]);
        assert_eq!(groups(&found, None, 1_400), []);
    }

    #[test]
    fn a_row_that_is_only_a_key_yields_to_all_that_comes_later() {
        assert_eq!(groups(&row(&[]), None, 1_000), [group(true, &[], &[], 1, None)]);
        assert_eq!(groups(&row(&[None]), Some(60), 1_000), [group(true, &[], &[0], 1, Some(60))]);
    }
}
