//! Build script: rebuild when what is embedded at build time is added to.

fn main() {
    // sqlx embeds the migrations at build time; cargo must look again when one is added
    println!("cargo:rerun-if-changed=migrations");
    // and the libraries that a packager may have fetched
    println!("cargo:rerun-if-changed=web/vendor");
}
