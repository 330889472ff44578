//! The contract, kept by a web server that serves a directory; and what only a web server can do wrong.

use std::fs;

use goldseal_core::ports::evidence_path;
use tempfile::TempDir;

use super::{
    tls::{Mood, WebServer},
    *,
};
use crate::adapters::store::{Settings, dir::DirStore, https::HttpsStore};

struct Site {
    folder: TempDir,
    server: WebServer,
    store: HttpsStore,
    writer: DirStore,
}

fn site() -> Site {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("www");
    fs::create_dir_all(root.join("team")).unwrap();
    let server = WebServer::start(&root, folder.path());
    let settings = Settings { ca_file: Some(server.ca_file.clone()), ..Settings::default() };
    let store = HttpsStore::new(&server.host, "team", &settings).unwrap();
    Site { server, store, writer: DirStore::new(root.join("team")), folder }
}

impl Site {
    async fn publish(&self, image: &Descriptor) -> Vec<u8> {
        let bytes = evidence(image, "published", 2, 100);
        assert_eq!(self.writer.write(image, &bytes, Expected::Absent).await.unwrap(), Stored);
        bytes
    }
}

#[tokio::test]
async fn the_contract_is_kept() {
    let site = site();
    Stores { reader: &site.store, writer: &site.writer }.keep_the_contract(1).await;
    let image = image(1);
    let expected = format!("https://{}/team/v1/aws/eu-west-1/ami-00000000000000001.jsonl", site.server.host);
    assert_eq!(site.store.locate(&image.image()), expected);
    let written = site.store.write(&image, b"{}\n", Expected::Absent).await;
    assert!(fails(written, PortErrorKind::Refused).contains("read only"));
    lists::keep_the_contract(&site.store, &site.writer).await;
}

#[tokio::test]
async fn each_status_is_what_it_says() {
    let site = site();
    let image = image(1);
    site.publish(&image).await;
    for status in [404, 410] {
        site.server.mood(Mood::Status(status));
        assert_eq!(site.store.read(&image.image()).await.unwrap(), None);
    }
    for (status, kind) in [
        (401, PortErrorKind::Denied),
        (403, PortErrorKind::Denied),
        (429, PortErrorKind::Throttled),
        (408, PortErrorKind::Unavailable),
        (500, PortErrorKind::Unavailable),
        (503, PortErrorKind::Unavailable),
        (204, PortErrorKind::Refused),
        (206, PortErrorKind::Refused),
        (400, PortErrorKind::Refused),
        (304, PortErrorKind::Refused),
    ] {
        site.server.mood(Mood::Status(status));
        let text = read_fails(&site.store, &image.image(), kind).await;
        assert!(text.contains(&status.to_string()), "{text}");
    }
}

#[tokio::test]
async fn few_redirects_are_followed_and_none_away_from_https() {
    let site = site();
    let image = image(1);
    let bytes = site.publish(&image).await;
    site.server.mood(Mood::Hops(3));
    assert_eq!(site.store.read(&image.image()).await.unwrap().unwrap().bytes, bytes);
    site.server.mood(Mood::Hops(4));
    assert!(read_fails(&site.store, &image.image(), PortErrorKind::Refused).await.contains("too many redirects"));
    site.server.mood(Mood::Redirect("http://localhost:9/x".to_owned()));
    assert!(read_fails(&site.store, &image.image(), PortErrorKind::Refused).await.contains("away from https"));
}

#[tokio::test]
async fn no_more_than_the_limit_is_read() {
    let site = site();
    let image = image(1);
    let path = site.folder.path().join("www/team").join(evidence_path(&image.image()));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::File::create(&path).unwrap().set_len(u64::try_from(EVIDENCE_LIMITS.bytes).unwrap() + 1).unwrap();
    read_fails(&site.store, &image.image(), PortErrorKind::Malformed).await;
    site.server.mood(Mood::Endless);
    read_fails(&site.store, &image.image(), PortErrorKind::Malformed).await;
}

#[tokio::test]
async fn a_body_that_breaks_off_is_no_answer() {
    let site = site();
    site.server.mood(Mood::CutOff);
    read_fails(&site.store, &image(1).image(), PortErrorKind::Unavailable).await;
}

#[tokio::test]
async fn a_server_nobody_vouches_for_is_not_asked() {
    let site = site();
    let image = image(1);
    site.publish(&image).await;
    let stranger = HttpsStore::new(&site.server.host, "team", &Settings::default()).unwrap();
    let text = read_fails(&stranger, &image.image(), PortErrorKind::Unavailable).await;
    assert!(text.contains("certificate"), "{text}");
    let nobody = HttpsStore::new("localhost:9", "", &Settings::default()).unwrap();
    read_fails(&nobody, &image.image(), PortErrorKind::Unavailable).await;
}

#[tokio::test]
async fn the_file_of_authorities_is_read_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.pem");
    let settings = Settings { ca_file: Some(path.clone()), ..Settings::default() };
    let open = || HttpsStore::new("localhost", "", &settings);
    assert!(open().is_err());
    fs::write(&path, "no certificate").unwrap();
    assert!(open().is_err());
    fs::write(&path, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    assert!(open().is_err());
}
