//! Build script: rebuild when a migration changes.

fn main() {
    // sqlx embeds the migrations at build time; cargo must look again when one is added
    println!("cargo:rerun-if-changed=migrations");
}
