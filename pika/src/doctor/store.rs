//! The store: is it there, and of which version are its tables.

use store::sqlite;

use super::PATIENCE;
use super::finding::Finding;
use crate::settings::Settings;
use crate::storage;

pub async fn look(settings: &Settings) -> Vec<Finding> {
    match storage::places(settings) {
        Err(error) => vec![Finding::fault("store", format!("{error:#}"), "see `store` in docs/operations.md")],
        Ok(places) => match places.rows {
            Some(file) => vec![rows(file).await],
            None => vec![cluster(settings).await],
        },
    }
}

async fn rows(file: std::path::PathBuf) -> Finding {
    if !file.is_file() {
        return Finding::warning(
            "store",
            format!("there is no file {}", file.display()),
            "it is made at the first start, or say with --store where it is",
        );
    }
    let looked = file.clone();
    match tokio::task::spawn_blocking(move || sqlite::version(&looked)).await {
        Ok(Ok(found)) if found > sqlite::newest() => {
            let words = format!("{} was made by a newer Pika: its schema is {found}, ours is {}", file.display(), sqlite::newest());
            Finding::fault("store", words, "run the newer version")
        }
        Ok(Ok(found)) if found < sqlite::newest() => Finding::warning(
            "store",
            format!("{} is at schema {found} of {}", file.display(), sqlite::newest()),
            "`pika migrate`, or the next start, brings it up to date",
        ),
        Ok(Ok(found)) => Finding::fine("store", format!("{}, schema {found}", file.display())),
        Ok(Err(error)) => Finding::fault("store", error.to_string(), "see docs/runbooks/store.md"),
        Err(error) => Finding::fault("store", error.to_string(), "see docs/runbooks/store.md"),
    }
}

async fn cluster(settings: &Settings) -> Finding {
    let asked = async {
        let store = storage::open(settings).await?;
        store.live.ping().await?;
        anyhow::Ok(())
    };
    match tokio::time::timeout(PATIENCE * 2, asked).await {
        Ok(Ok(())) => Finding::fine("store", "the cluster answers, and its tables are of this version"),
        Ok(Err(error)) => Finding::fault("store", format!("{error:#}"), "start it, or run `pika migrate`; see docs/runbooks/store.md"),
        Err(_) => Finding::fault("store", "the cluster does not answer", "see docs/runbooks/store.md"),
    }
}
