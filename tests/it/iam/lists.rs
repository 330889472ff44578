//! What those call who withdraw images, who let them pass, and who keep receipts.

use super::{Caller, borrowed, names};
use crate::{
    audit::scene,
    aws::{Account, sha256, wait},
    chain::Scene,
    policies::{kms, pem, policy},
    receipts::decision,
    withdrawn::{image, lists, put, revocation},
};

/// The names of a scene whose image key is `alias/signing`, and of a key that signs lists.
fn named(account: &Account, image_key: &str, (word, key): (&str, &str)) -> Vec<(String, String)> {
    let mut names = names(account);
    names.extend([("IMAGE_KEY", image_key), (word, key)].map(|(word, id)| (word.to_owned(), id.to_owned())));
    names
}

#[test]
fn revoking_needs_its_document_and_no_more() {
    let scene = scene();
    let Scene { account, goldseal, key } = &scene;
    let (revoker, state) = (account.key_called("revocation"), account.bucket_called(&format!("state-{}", account.id)));
    let rule = "[revocation]\nauthorities = [\"revoker\"]\nmax_age = \"24h\"\n";
    let ami = scene.sealed("golden");
    goldseal.write("policy.toml", policy(&[("ci", kms("ci", key))], 1) + &kms("revoker", &revoker) + rule);
    let names = named(account, &key.id, ("REVOCATION_KEY", &revoker.id));

    let caller = Caller::of("revoke", account);
    let more = format!("--key awskms:///alias/revocation --state {state}");
    let why = "--reason poisoned --by alice@example.com";
    caller.run(goldseal, &format!("revoke renew --first {more}")).exits(0);
    caller.run(goldseal, &format!("revoke image {ami} {why} {more}")).exits(1).says("together  1 of 1 image fall");
    for what in [format!("image {ami}"), "key ci".to_owned(), "lift 1".to_owned()] {
        caller.run(goldseal, &format!("revoke {what} {why} {more} --yes")).exits(0);
    }
    caller.run(goldseal, &format!("revoke list --state {state}")).exits(0).says("serial 4, 3 entries");
    caller.needs_all_of_its_document(&borrowed(&names), None);
}

#[test]
fn letting_pass_needs_its_document_and_no_more() {
    let scene = scene();
    let Scene { account, goldseal, key } = &scene;
    let people = ["alice", "bob"].map(|name| (name, account.key_called(name)));
    let authorities = people.iter().map(|(name, key)| pem(name, &key.pem())).collect::<String>();
    let rules = "[override]\nauthorities = [\"alice\", \"bob\"]\nmax_life = \"24h\"\n";
    let listed = policy(&[("ci", kms("ci", key))], 1) + &revocation() + &authorities + rules;
    goldseal.write("policy.toml", listed);
    let bare = account.image("bare");
    put(account, &lists(image(&bare))[0]);
    let names = named(account, &key.id, ("OVERRIDE_KEY", &people[0].1.id));

    // What bob calls is what alice calls, with a key of his own.
    let caller = Caller::of("override", account);
    let why = "--reason 'CI is out' --ticket INC-4711 --by alice@example.com --for 8h";
    let grant = format!("override grant --image {bare} --from-verdict {bare} {why} --key awskms:///alias/alice");
    let granted = caller.run(goldseal, &format!("{grant} --output json")).exits(0).report();
    let statement = granted["overrides"][0]["statement"].as_str().unwrap();
    let sign =
        format!("override countersign {statement} --key awskms:///alias/bob --yes --accept-statement {statement}");
    goldseal.run(&sign).exits(0);
    caller.run(goldseal, "override list").exits(0).says("INC-4711");
    caller.run(goldseal, &format!("override end {statement} --remove")).exits(0).says("taken out");
    caller.needs_all_of_its_document(&borrowed(&names), None);
}

#[test]
fn keeping_receipts_needs_its_document_and_no_more() {
    let account = Account::new();
    let goldseal = account.goldseal();
    let key = account.key_called("receipts");
    let state = account.bucket_called(&format!("state-{}", account.id));
    let place = format!("--receipts {}/prod", account.bucket_called(&format!("receipts-{}", account.id)));
    let (name, record) = decision(&account.image("golden"), &sha256(b"subject"));
    let object = account.s3().put_object().bucket(format!("state-{}", account.id)).key(name);
    wait(object.body(record.into_bytes().into()).send()).unwrap();

    let caller = Caller::of("receipts", &account);
    let write = format!("receipts write --state {state} {place} --receipt-key awskms:///alias/receipts");
    caller.run(&goldseal, &write).exits(0).says("1 new");
    caller.run(&goldseal, &format!("receipts list {place}")).exits(0).says("PASSED");
    let mut names = names(&account);
    names.push(("RECEIPT_KEY".to_owned(), key.id));
    caller.needs_all_of_its_document(&borrowed(&names), None);
}
