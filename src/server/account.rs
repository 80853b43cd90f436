//! Accounts of this machine, for the audit.

use rustix::process::{Uid, geteuid};

/// The account that this process runs under.
#[must_use]
pub fn own_account() -> String {
    account(geteuid())
}

/// The name of an account as `/etc/passwd` has it, else `uid 1000`.
#[must_use]
pub(super) fn account(uid: Uid) -> String {
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    name_in(&passwd, uid.as_raw()).unwrap_or_else(|| format!("uid {}", uid.as_raw()))
}

fn name_in(passwd: &str, uid: u32) -> Option<String> {
    let name = |line: &str| {
        let mut fields = line.split(':');
        let (name, _, id) = (fields.next()?, fields.next()?, fields.next()?);
        (id.parse() == Ok(uid)).then(|| name.to_owned())
    };
    passwd.lines().find_map(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_has_a_name_where_the_system_knows_one() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\n#\nada:x:1000:1000::/home/ada:/bin/sh\n";
        assert_eq!(name_in(passwd, 1000).as_deref(), Some("ada"));
        assert_eq!(name_in(passwd, 7), None);
    }
}
