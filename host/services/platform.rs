//! Where the platform is: on IBM Cloud spaces and assets have another host than Watson Machine Learning.

use ureq::http::Uri;

use super::RequestPath;

/// Hosts of WML on IBM Cloud, each with the platform of its region.
const PLATFORMS: [(&str, &str); 4] = [
    ("us-south.ml.cloud.ibm.com", "https://api.dataplatform.cloud.ibm.com"),
    ("eu-gb.ml.cloud.ibm.com", "https://api.eu-gb.dataplatform.cloud.ibm.com"),
    ("eu-de.ml.cloud.ibm.com", "https://api.eu-de.dataplatform.cloud.ibm.com"),
    ("jp-tok.ml.cloud.ibm.com", "https://api.jp-tok.dataplatform.cloud.ibm.com"),
];

/// The platform that goes with WML at this address, where that is known.
pub fn platform_url(url: &str) -> Option<&'static str> {
    let host = url.parse::<Uri>().ok()?.host()?.to_lowercase();
    // The same is reached through IBM Cloud's private network.
    let host = host.strip_prefix("private.").unwrap_or(&host);
    PLATFORMS.iter().find(|(known, _)| *known == host).map(|(_, platform)| *platform)
}

/// Whether a path is the platform's: all of `/v2`.
pub(super) fn is_of_platform(path: &RequestPath) -> bool {
    path.segments().next() == Some("v2")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_region_has_its_platform() {
        for (url, platform) in [
            ("https://us-south.ml.cloud.ibm.com", Some("https://api.dataplatform.cloud.ibm.com")),
            ("https://EU-GB.ml.cloud.ibm.com/", Some("https://api.eu-gb.dataplatform.cloud.ibm.com")),
            ("https://private.eu-de.ml.cloud.ibm.com:443", Some("https://api.eu-de.dataplatform.cloud.ibm.com")),
            ("https://jp-tok.ml.cloud.ibm.com", Some("https://api.jp-tok.dataplatform.cloud.ibm.com")),
            ("https://au-syd.ml.cloud.ibm.com", None),
            ("https://us-south.ml.cloud.ibm.com.example.com", None),
            ("https://cpd.example.com", None),
            ("us-south.ml.cloud.ibm.com/x", None),
        ] {
            assert_eq!(platform_url(url), platform, "{url}");
        }
    }

    #[test]
    fn only_whole_segments_lead_to_the_platform() {
        for (path, is_there) in
            [("/v2/spaces", true), ("/v2", true), ("/v2x/spaces", false), ("/ml/v2/x", false), ("/ml/v4/models", false)]
        {
            assert_eq!(is_of_platform(&RequestPath::parse(path).unwrap()), is_there, "{path}");
        }
    }
}
