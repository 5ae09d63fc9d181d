use registry::{Client, ClientOptions};
use testkit::{Image, Kind, Layer, Registry as Testkit};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{Control, PatternRule, Policy, board::Board, lanes::Lanes, plain::Plain};

/// Entries on a page of a list.
const PAGE: usize = 1000;

fn run() -> Arc<Run> {
    let control = Control {
        client: Client::new(ClientOptions::default(), Arc::new(Plain)),
        board: Arc::new(Board::new(true)),
        stop: CancellationToken::new(),
        lanes: Lanes::new(None),
    };
    Arc::new(Run::new(&[], Policy::default(), true, control))
}

/// Expands rules, and looks at what is told, piece by piece.
async fn expanded(run: &Arc<Run>, rules: Vec<JobRule>, mut look: impl FnMut(News)) {
    let (groups, searches) = group(run, rules);
    let (tell, mut told) = mpsc::channel(1);
    let listen = async {
        while let Some(news) = told.recv().await {
            look(news);
        }
    };
    tokio::join!(expand(run.clone(), groups, searches, tell), listen);
}

#[tokio::test]
async fn a_hundred_thousand_tags_are_read_no_faster_than_they_are_taken() {
    const TAGS: usize = 100_000;
    let from = Testkit::start().await;
    let image = from.push("a", "t", &Image::single("linux/amd64", [Layer::random(1, 10)]));
    for n in 1..TAGS {
        from.store().put_tag("a", &format!("t{n}"), image.digest());
    }
    let run = run();
    let rule = Rule::parse(&format!("{}/a", from.host()), &["r.io/x", "s.io/y"]).unwrap();
    let (mut images, mut rows) = (0, 0);
    expanded(&run, vec![rule.into()], |news| {
        let News::Units(_, units) = news else { return };
        assert!(units.len() <= BATCH, "{}", units.len());
        images += units.len();
        rows += units.iter().map(|unit| unit.destinations.len()).sum::<usize>();
        // one batch may wait to be taken while the next is made
        let pages = from.count_of("GET", Kind::Tags);
        assert!(pages <= (images + BATCH) / PAGE + 1, "{pages} pages for {images} images");
    })
    .await;
    assert_eq!((images, rows), (TAGS, 2 * TAGS));
    assert_eq!(run.board.rows().len(), 2 * TAGS);
    // behind a full page without a link there may be another
    assert_eq!(from.count_of("GET", Kind::Tags), TAGS / PAGE + 1);
}

#[tokio::test]
async fn of_a_hundred_thousand_repositories_those_that_match_are_kept() {
    const REPOSITORIES: usize = 100_000;
    let from = Testkit::start().await;
    for n in 3..REPOSITORIES {
        from.create_repository(&format!("many/r{n:06}"));
    }
    for name in ["many/r000777-app", "team/app", "zoo/app"] {
        from.push(name, "1", &Image::single("linux/amd64", [Layer::random(1, 10)]));
    }
    let run = run();
    let source = format!("{}/**/*app", from.host());
    let mut rule = PatternRule::parse(&source, &["r.io/x/{path}"]).unwrap();
    rule.exclude = vec![crate::Pattern::parse("zoo/*").unwrap()];
    let mut found = Vec::new();
    let mut searched = 0;
    expanded(&run, vec![rule.into()], |news| match news {
        News::Units(group, units) => {
            assert_eq!(units.len(), 1);
            found.push(group.source.repository.name().to_string());
        }
        News::Expanded(_) => {}
        News::Searched(search) => {
            assert!(search.is_over());
            searched += 1;
        }
    })
    .await;
    found.sort();
    assert_eq!(found, ["many/r000777-app", "team/app"]);
    assert_eq!(searched, 1);
    assert_eq!(run.board.rows().len(), 2, "what does not match leaves nothing behind");
    assert_eq!(from.count_of("GET", Kind::Catalog), REPOSITORIES / PAGE + 1);
    assert_eq!(from.count_of("GET", Kind::Tags), 2);
}
