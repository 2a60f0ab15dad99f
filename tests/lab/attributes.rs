//! What belongs to a file besides its content stays when the file is replaced. Leaves the host as it is.

use crate::world::Lab;

const REPLACED: &str = r#"on(hosts("trixie-1"), |host| {
    file("/etc/kept", #{ content: "new\n", mode: "0640" });
    line("/etc/edited", #{ line: "new" });
});"#;

#[test]
fn an_acl_stays_where_the_package_acl_is_missing() {
    let Some(lab) = Lab::get() else { return };
    lab.up(&["trixie-1"]);
    let made = "for file in /etc/kept /etc/edited; do
  echo old >$file; chmod 0640 $file; echo \"a+ $file - - - - u:daemon:r\" >/tmp/acl.conf; systemd-tmpfiles --create /tmp/acl.conf
done
! command -v setfacl";
    lab.by_hand("trixie-1", made);
    lab.converges(REPLACED);
    let read = "for file in /etc/kept /etc/edited; do runuser -u daemon -- tail -n 1 $file; done";
    assert_eq!(lab.by_hand("trixie-1", read), "new\nnew\n");
}
