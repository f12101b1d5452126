//! Settings that make no sense refuse the start, with the words that mend them.

use anyhow::bail;

use super::Settings;

pub fn check(settings: &Settings) -> anyhow::Result<()> {
    if settings.secret.as_ref().is_some_and(|secret| secret.len() < 32) {
        bail!("`secret` must have at least 32 characters; `pika key` makes one");
    }
    if !(1..=schemas::limits::FRAME_BYTES).contains(&settings.max_message_size_bytes) {
        bail!("`max_message_size_bytes` must be 1 to {}", schemas::limits::FRAME_BYTES);
    }
    for (name, seconds) in [("notice_seconds", settings.notice_seconds), ("drain_seconds", settings.drain_seconds)] {
        if seconds.is_some_and(|seconds| !(0.0..=86_400.0).contains(&seconds)) {
            bail!("`{name}` must be a number of seconds from 0 to 86400");
        }
    }
    for (name, seconds) in
        [("stuck_seconds", settings.stuck_seconds), ("head_seconds", settings.head_seconds), ("request_seconds", settings.request_seconds)]
    {
        if seconds == 0 {
            bail!("`{name}` must be at least 1");
        }
    }
    if settings.store_replication == Some(0) {
        bail!("`store_replication` must be at least 1");
    }
    if !(1..=schemas::limits::PARTITIONS).contains(&settings.log_streams) {
        bail!("`log_streams` must be 1 to {}", schemas::limits::PARTITIONS);
    }
    if !settings.sign_in_limits.is_finite() || settings.sign_in_limits < 0.0 {
        bail!("`sign_in_limits` must be a number of at least 0");
    }
    if settings.secret.is_some() && settings.secret_file.is_some() {
        bail!("`secret` and `secret_file` are both set; one is enough");
    }
    if !(60..=86_400).contains(&settings.access_seconds) {
        bail!("`access_seconds` must be 60 to 86400");
    }
    if !(1..=365).contains(&settings.session_days) {
        bail!("`session_days` must be 1 to 365");
    }
    if settings.token_unused_days > 36_500 {
        bail!("`token_unused_days` must be at most 36500");
    }
    if settings.traces_url.as_deref().is_some_and(|url| !crate::traces::is_collector(url)) {
        bail!("`traces_url` must be a whole address without a password, like http://HOST:4318/v1/traces");
    }
    if !(0.0..=1.0).contains(&settings.traces_ratio) {
        bail!("`traces_ratio` must be 0 to 1");
    }
    if !settings.budgets.is_finite() || settings.budgets < 0.0 {
        bail!("`budgets` must be a number of at least 0");
    }
    retention(settings)
}

const DAY: u64 = 24 * 3600;
/// Likes of an evening are taken for so many days after its end, and so long the fold needs its facts.
const LIKES: u64 = schemas::limits::LIKES_AFTER_END_MS as u64 / 1_000 / DAY;
/// Workers may stand still for a day before what they have not folded is gone.
const STILL: u64 = 1;

/// What is kept for a time is kept at least as long as somebody relies on it.
fn retention(settings: &Settings) -> anyhow::Result<()> {
    let Settings { stream_days, evening_days, audit_days, age_seconds, .. } = settings;
    let least = age_seconds.div_ceil(DAY) + LIKES + STILL;
    if !(least..=3_650).contains(stream_days) {
        bail!(
            "`stream_days` must be {least} to 3650: an evening lasts up to `age_seconds`, likes of it are taken for {LIKES} days more, and \
             workers may be a day behind"
        );
    }
    let least = stream_days + LIKES + STILL;
    if *evening_days != 0 && !(least..=36_500).contains(evening_days) {
        bail!(
            "`evening_days` must be 0, which keeps evenings for ever, or {least} to 36500: likes come for {LIKES} days after the end, and what \
             the log still tells for `stream_days` could be folded again"
        );
    }
    if !(1..=3_650).contains(audit_days) {
        bail!("`audit_days` must be 1 to 3650");
    }
    if !(1..=86_400).contains(&settings.sweep_seconds) {
        bail!("`sweep_seconds` must be 1 to 86400");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::settings::Profile;

    /// The error that these settings are refused with, if they are.
    fn refused(change: impl FnOnce(&mut Settings)) -> Option<String> {
        let mut settings = Settings::defaults(Profile::Production);
        change(&mut settings);
        check(&settings).err().map(|error| error.to_string())
    }

    #[test]
    fn nothing_is_kept_shorter_than_somebody_relies_on_it() {
        assert_eq!(refused(|_| {}), None);
        assert_eq!(refused(|s| s.stream_days = 9), None);
        let short = refused(|s| s.stream_days = 8).unwrap();
        assert!(short.contains("`stream_days` must be 9 to 3650") && short.contains("`age_seconds`"), "{short}");
        let long = |s: &mut Settings| (s.stream_days, s.age_seconds) = (10, 3 * DAY);
        assert!(refused(long).unwrap().contains("11 to"), "an evening of three days needs a longer log");

        assert_eq!(refused(|s| s.evening_days = 38), None);
        let short = refused(|s| s.evening_days = 37).unwrap();
        assert!(short.contains("`evening_days` must be 0") && short.contains("38 to 36500"), "{short}");
        assert_eq!(refused(|s| (s.stream_days, s.evening_days) = (9, 17)), None);
        for days in [0, 3_651] {
            assert!(refused(|s| s.audit_days = days).unwrap().contains("`audit_days`"), "{days}");
        }
        for seconds in [0, 86_401] {
            assert!(refused(|s| s.sweep_seconds = seconds).unwrap().contains("`sweep_seconds`"), "{seconds}");
        }
    }
}
