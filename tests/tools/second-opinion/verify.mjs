#!/usr/bin/env node
// verify.mjs BUNDLE.json KEY.pem: does sigstore's own JavaScript accept the signature of this key bundle?
// It judges the signature only: not the payload type, the subject or the predicate.
// One line; exit 0 verified, 1 refused, 2 could not look.
import { createPublicKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { bundleFromJSON, isBundleWithDsseEnvelope, isBundleWithPublicKey } from "@sigstore/bundle";
import { toSignedEntity, toTrustMaterial, Verifier } from "@sigstore/verify";

const V0_3 = "application/vnd.dev.sigstore.bundle.v0.3+json";

function read(bundlePath, keyPath) {
  return { text: readFileSync(bundlePath, "utf8"), key: createPublicKey(readFileSync(keyPath)) };
}

function verify(text, key) {
  const bundle = bundleFromJSON(JSON.parse(text));
  // The library also takes media types that do not exist yet.
  if (bundle.mediaType !== V0_3) throw new Error(`media type ${bundle.mediaType}`);
  if (!isBundleWithDsseEnvelope(bundle)) throw new Error("no DSSE envelope");
  if (!isBundleWithPublicKey(bundle)) throw new Error("not signed by a plain key");

  // No certificate, log or timestamp authority is trusted: only the key, whatever the hint says.
  const root = { tlogs: [], ctlogs: [], timestampAuthorities: [], certificateAuthorities: [] };
  const trust = toTrustMaterial(root, () => ({ publicKey: key, validFor: () => true }));
  const none = { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0 };
  new Verifier(trust, none).verify(toSignedEntity(bundle));
}

function oneLine(error) {
  return `${error.message ?? error}`.replace(/\s+/g, " ");
}

function main(args) {
  if (args.length !== 2) return [2, "usage: verify.mjs BUNDLE.json KEY.pem"];
  let input;
  try {
    input = read(...args);
  } catch (error) {
    return [2, `cannot read: ${oneLine(error)}`];
  }
  try {
    verify(input.text, input.key);
    return [0, "verified"];
  } catch (error) {
    return [1, `refused: ${oneLine(error)}`];
  }
}

const [code, line] = main(process.argv.slice(2));
(code === 0 ? console.log : console.error)(line);
process.exitCode = code;
