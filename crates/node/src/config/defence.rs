//! `[limit]`, `[cookies]` and `[access]`: what is done against attacks.

use super::Mistake;
use super::lists::{List, too_many};
use super::values::Limited;
use crate::limits::{EXEMPT_MAX, PROXIES_MAX};
use imrs_engine::Rates;
use imrs_engine::gate::limits::{RATE_MAX, WINDOW_S_MAX};
use imrs_transfer::access::Prefix;
use serde::Deserialize;
use std::path::PathBuf;
use toml::Spanned;

/// Responses in a second; 0 is no limit.
type Rate = Limited<0, { RATE_MAX as u64 }>;

/// `[limit]`: response rate limiting, as written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct WrittenLimit {
    enabled: Option<bool>,
    log_only: Option<Spanned<bool>>,
    window_seconds: Option<Limited<1, { WINDOW_S_MAX as u64 }>>,
    answers_per_second: Option<Spanned<Rate>>,
    referrals_per_second: Option<Spanned<Rate>>,
    nodata_per_second: Option<Spanned<Rate>>,
    nxdomain_per_second: Option<Spanned<Rate>>,
    errors_per_second: Option<Spanned<Rate>>,
    all_per_second: Option<Spanned<Rate>>,
    slip: Option<Limited<0, 10>>,
    exempt: Option<List<String>>,
}

/// `[cookies]`, as written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct WrittenCookies {
    enabled: Option<bool>,
    require: Option<Spanned<bool>>,
    pub(super) secret_file: Option<Spanned<PathBuf>>,
}

/// `[access]`, as written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct WrittenAccess {
    pub(super) blocklist: Option<Spanned<PathBuf>>,
    proxies: Option<List<String>>,
}

/// What is done against attacks.
#[derive(Clone, Debug, Default)]
pub struct Defence {
    /// Limits on responses; none where they are switched off.
    pub rates: Option<Rates>,
    /// Clients that the limits do not concern.
    pub exempt: Vec<Prefix>,
    /// Cookies; none where they are switched off.
    pub cookies: Option<Cookies>,
    /// File of the prefixes that are not answered.
    pub blocklist: Option<PathBuf>,
    /// Who speaks for others ahead of each message, and only so.
    pub proxies: Vec<Prefix>,
}

/// `[cookies]`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cookies {
    /// Whether who shows none is sent for one, or to TCP.
    pub require: bool,
    /// File of the secrets.
    pub secret_file: Option<PathBuf>,
}

impl Defence {
    pub(super) fn resolve(
        limit: &WrittenLimit,
        cookies: &WrittenCookies,
        access: &WrittenAccess,
    ) -> Result<Self, Mistake> {
        let hint = "name a prefix, such as \"192.0.2.0/24\"";
        Ok(Defence {
            rates: rates(limit)?,
            exempt: prefixes(limit.exempt.as_ref(), EXEMPT_MAX, hint)?,
            cookies: secrets(cookies)?,
            blocklist: { access.blocklist.as_ref() }.map(|path| path.get_ref().clone()),
            proxies: prefixes(access.proxies.as_ref(), PROXIES_MAX, hint)?,
        })
    }
}

fn rates(written: &WrittenLimit) -> Result<Option<Rates>, Mistake> {
    if written.enabled == Some(false) {
        if let Some(log_only) = &written.log_only {
            let message = "nothing is limited, and so nothing is logged, while `enabled` is \
                           false; remove one of the two";
            return Err((log_only.span().start, message.to_owned()));
        }
        return Ok(None);
    }
    let mut rates = Rates::default();
    let number = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    if let Some(window) = written.window_seconds {
        rates.window_s = number(window.0);
    }
    let classes = [
        (&written.all_per_second, &mut rates.all),
        (&written.answers_per_second, &mut rates.answers),
        (&written.referrals_per_second, &mut rates.referrals),
        (&written.nodata_per_second, &mut rates.no_data),
        (&written.nxdomain_per_second, &mut rates.nx_domain),
        (&written.errors_per_second, &mut rates.errors),
    ];
    for (written, rate) in classes {
        if let Some(written) = written {
            *rate = number(written.get_ref().0);
        }
    }
    check_against_all(written, &rates)?;
    if let Some(slip) = written.slip {
        rates.slip = u8::try_from(slip.0).unwrap_or(u8::MAX);
    }
    rates.log_only = { written.log_only.as_ref() }.is_some_and(|log_only| *log_only.get_ref());
    Ok(Some(rates))
}

/// Refuses a rate of one class above that of all, which would never be reached.
fn check_against_all(written: &WrittenLimit, rates: &Rates) -> Result<(), Mistake> {
    let all = u64::from(rates.all);
    let classes = [
        &written.answers_per_second,
        &written.referrals_per_second,
        &written.nodata_per_second,
        &written.nxdomain_per_second,
        &written.errors_per_second,
    ];
    for rate in classes.into_iter().flatten() {
        if all > 0 && rate.get_ref().0 > all {
            let message = format!(
                "{} a second are never reached, as `all-per-second` is {all}; write less, or \
                 more there",
                rate.get_ref().0,
            );
            return Err((rate.span().start, message));
        }
    }
    Ok(())
}

fn secrets(written: &WrittenCookies) -> Result<Option<Cookies>, Mistake> {
    if written.enabled == Some(false) {
        let contradiction = "without cookies none can be required; remove this, or `enabled`";
        return match &written.require {
            Some(require) if *require.get_ref() => {
                Err((require.span().start, contradiction.to_owned()))
            }
            _ => Ok(None),
        };
    }
    Ok(Some(Cookies {
        require: { written.require.as_ref() }.is_some_and(|require| *require.get_ref()),
        secret_file: { written.secret_file.as_ref() }.map(|path| path.get_ref().clone()),
    }))
}

fn prefixes(list: Option<&List<String>>, most: usize, hint: &str) -> Result<Vec<Prefix>, Mistake> {
    let Some(list) = list else {
        return Ok(Vec::new());
    };
    let place = list.span().start;
    match list.get_ref().len() {
        0 => return Err((place, format!("the list is empty; {hint}, or remove it"))),
        count if count > most => return Err((place, too_many(most, "prefixes"))),
        _ => {}
    }
    let read = |text: &Spanned<String>| {
        { text.get_ref().parse::<Prefix>() }.map_err(|error| (text.span().start, error.to_string()))
    };
    list.get_ref().iter().map(read).collect()
}
