//! Where instances leave a record of every boot, a folder for each instance, and where an audit reads them: an S3 bucket,
//! or for reading a directory that is a copy of one.
//!
//! The folder is the ARN of the instance as IAM has it in `${ec2:SourceInstanceARN}`, so one statement gives every
//! instance its own. A record is made and never changed: `s3:PutObject` is all that an instance needs.

use goldseal_core::{
    ports::{
        BootRecords, Expected, MOST_RECORDS, PortError, PortErrorKind, RECORDS_FOLDER, Written, is_record, record_path,
        recorded_by, records_folder, records_from,
    },
    report::BootRecord,
};
use jiff::Timestamp;

use super::{
    documents::{either::Documents, files::Files, objects::Objects},
    store::{StoreUrl, s3::Connection, url::Place},
};

/// A place for records.
#[derive(Debug, Clone)]
pub struct Records {
    documents: Documents,
    url: String,
}

/// Why there can be no records: a mistake in the settings, nothing was asked of the place yet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// What is there cannot be listed.
    #[error("there are no records of boots in {0}: give s3://bucket[/prefix] or file:///absolute/directory")]
    NoPlace(String),
    /// A bucket without a connection to S3.
    #[error("records in S3 need a connection to it")]
    NotConnected,
}

impl Records {
    /// Opens the records of a URL. A bucket needs a connection to it ([`StoreUrl::bucket`] says which it is).
    ///
    /// # Errors
    /// [`OpenError`]. A wrong bucket or directory shows at the first use.
    pub fn open(url: &StoreUrl, s3: Option<Connection>) -> Result<Self, OpenError> {
        let documents = match url.0.clone() {
            Place::Directory(root) => Documents::Directory(Files::public(root, BootRecord::LARGEST)),
            Place::S3 { bucket, prefix } => {
                let s3 = s3.ok_or(OpenError::NotConnected)?;
                Documents::Bucket(Objects::new(s3, bucket, prefix, BootRecord::LARGEST))
            }
            Place::Oci { .. } | Place::Https { .. } => return Err(OpenError::NoPlace(url.to_string())),
        };
        Ok(Self { documents, url: url.to_string() })
    }

    /// Returns the paths of all records, sorted: the first so many.
    ///
    /// # Errors
    /// Those of the place.
    pub async fn all(&self, most: usize) -> Result<Vec<String>, PortError> {
        self.documents.list(RECORDS_FOLDER, None, most, |path| recorded_by(path).is_some()).await
    }

    /// Reads the record at a path; none when it is gone.
    ///
    /// # Errors
    /// Those of the place.
    pub async fn read(&self, path: &str) -> Result<Option<Vec<u8>>, PortError> {
        Ok(self.documents.read(path).await?.map(|found| found.bytes))
    }

    /// Adds the record of a boot, and returns where it is.
    ///
    /// # Errors
    /// Those of the place, and a record that is there already.
    pub async fn add(&self, instance: &str, at: Timestamp, report: &[u8]) -> Result<String, PortError> {
        let path = record_path(instance, at);
        let place = format!("{}/{path}", self.url);
        match self.documents.write(&path, report, Expected::Absent).await? {
            Written::Stored => Ok(place),
            Written::Conflict => {
                let why = "there is one of this instant already";
                Err(PortError::new(PortErrorKind::Refused, "recording", &place).because(why))
            }
        }
    }
}

impl BootRecords for Records {
    async fn newest(&self, instance: &str, since: Option<Timestamp>) -> Result<Option<Vec<u8>>, PortError> {
        let (folder, after) = (records_folder(instance), since.map(|since| records_from(instance, since)));
        let place = format!("{}/{folder}", self.url);
        // One more tells that there are too many.
        let most = MOST_RECORDS + 1;
        let own = {
            let instance = instance.to_owned();
            move |path: &str| is_record(&instance, path)
        };
        let found = self.documents.list(&folder, after, most, own).await?;
        if found.len() > MOST_RECORDS {
            let why = format!("there are more than {MOST_RECORDS} records since it was started");
            return Err(PortError::new(PortErrorKind::Malformed, "reading records", &place).because(why));
        }
        let Some(newest) = found.last() else { return Ok(None) };
        let read = self.documents.read(newest).await?;
        let gone =
            || PortError::new(PortErrorKind::NotFound, "reading records", &place).because("it is gone meanwhile");
        read.map(|found| Some(found.bytes)).ok_or_else(gone)
    }

    fn locate(&self) -> String {
        self.url.clone()
    }
}

#[cfg(test)]
mod tests;
