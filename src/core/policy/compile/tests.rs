use super::*;

#[test]
fn explore() {
    for text in [
        "", "version = 2", "a = = 3\nb = \"x\nversion = 1", "identity = 3\nauthority = \"x\"\nscope = [1]\n[require]\nattestation = \"x\"\n",
        "version = 1\nversion = 1\n",
        "version = \"1\"\nno_match = \"Warn\"\ndangerous_without_gate = 1\n[[authority]]\nname = 3\nkey = \"x\"\nvalid_from = \"2026-01-01T00:00:00Z\"\nvalid_until=2026-01-01T00:00:00\nscheme=\"x\"\nwitness=[\"lag\"]\n[[require]]\nattestation=\"sbomb\"\nauthorities=\"ci\"\nthreshold=\"1\"\n[[scope]]\naccounts=[\"1\"]\nregions=[]\ngroups=[{a=1}]\n[identity]\nowners=[1]\nregions=[\"EU\"]\ntags=[]\n[identity.more]\n[[identity.x]]\n",
        "[authority]\nname=\"x\"", "authority = [1]", "[[authority]]\nname.x=1\n", "[[scope]]\nmode = \"warn\"\naccounts=[]\n", "\u{feff}version=1", "version=1\r\nx=2\r\n", "é = 1\n\"\" = 2\n",
        "valid_from = 1979-05-27T07:32:60Z",
    ] {
        println!("---- {text}");
        match compile("p.toml", text, &Files::new()) { Ok(_) => println!("OK"), Err(problems) => println!("{problems}") }
    }
}
