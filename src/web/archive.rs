//! Looking something up in the journal: beside the loop, and beside whoever serves pages, few at a time.

use super::refusal::WebRefusal;
use crate::store::{Database, StoreError};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// So many look something up at a time,
const READERS_MAX: usize = 2;
/// and so many wait or do.
const ASKING_MAX: usize = 32;

/// The way to the journal, for reading alone.
#[derive(Clone, Debug)]
pub(super) struct Archive {
    data: Arc<PathBuf>,
    reading: Arc<Semaphore>,
    asking: Arc<Semaphore>,
}

impl Archive {
    /// That in this data directory.
    pub fn of(data: PathBuf) -> Self {
        Self {
            data: Arc::new(data),
            reading: Arc::new(Semaphore::new(READERS_MAX)),
            asking: Arc::new(Semaphore::new(ASKING_MAX)),
        }
    }

    /// Looks something up.
    ///
    /// # Errors
    /// When too many do, or it cannot be read.
    pub async fn read<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Database) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, WebRefusal> {
        let asking = self.asking.try_acquire().map_err(|_| WebRefusal::Busy)?;
        let reading =
            Arc::clone(&self.reading).acquire_owned().await.map_err(|_| WebRefusal::Busy)?;
        let data = Arc::clone(&self.data);
        let found = tokio::task::spawn_blocking(move || {
            let database = Database::open_to_read(&data);
            let found = database.and_then(|database| database.as_ref().map(look).transpose());
            // Not before: a browser that has gone does not let another one in.
            drop(reading);
            found
        });
        let found = found.await;
        drop(asking);
        match found {
            Ok(Ok(Some(found))) => Ok(found),
            Ok(Err(error)) => {
                tracing::warn!("a page's look into the journal: {error}");
                Err(WebRefusal::Unreadable)
            }
            Ok(Ok(None)) | Err(_) => Err(WebRefusal::Unreadable),
        }
    }
}
