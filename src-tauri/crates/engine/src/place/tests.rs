use registry::ClientOptions;
use testkit::{Image, Kind, Layer, Registry as Testkit};

use super::*;
use crate::plain::Plain;

#[tokio::test]
async fn a_repository_is_not_missing_for_ever() {
    let to = Testkit::start().await;
    let client = Client::new(ClientOptions::default(), Arc::new(Plain));
    let place = Places::new(1).get(&client, &to.host().parse().unwrap(), &"a/b".parse().unwrap());
    (0..WORTH_ASKING).for_each(|_| place.want());
    let stands = async |tag: &str| {
        let tag = tag.parse().unwrap();
        place.head(&tag).await.unwrap().map(|head| head.digest.to_string())
    };
    let looked = || (to.count_of("HEAD", Kind::Manifest), to.count_of("GET", Kind::Tags));
    assert_eq!(stands("1").await, None);
    // what others push now is overtaken
    let built = to.push("a/b", "2", &Image::single("linux/amd64", [Layer::random(1, 10)]));
    assert_eq!(stands("2").await, None);
    assert_eq!(looked(), (1, 1));
    tokio::time::pause();
    tokio::time::advance(MISSING).await;
    tokio::time::resume();
    assert_eq!(stands("2").await.as_deref(), Some(built.digest()));
    assert_eq!(looked(), (2, 1));
}
