//! Lists in pages.

use super::*;

async fn filled() -> World {
    let world = World::new();
    let paths = ["a/1", "a/2", "a/3/x/1", "a/4", "b/1", "b/1/y/1", "c/0/z/1"];
    let writes = paths.iter().zip(0..).map(|(path, n)| set(path, -n));
    world.commit(writes.collect()).await.unwrap();
    world
}

impl World {
    /// All pages of a list, each as the paths that it has; a missing document with `?`.
    async fn pages(&self, mut list: List) -> Result<Vec<String>, Error> {
        let mut pages = Vec::new();
        loop {
            let page = self
                .firestore
                .list_documents(&self.owner, &self.database, list.clone());
            let page = page.await?;
            let shown = page.documents.iter().map(|listed| match listed.document {
                Some(_) => listed.path.to_string(),
                None => format!("{}?", listed.path),
            });
            pages.push(shown.collect::<Vec<_>>().join(" "));
            if page.next_page_token.is_empty() {
                return Ok(pages);
            }
            list.page_token = page.next_page_token;
        }
    }
}

fn list(id: &str) -> List {
    List {
        collection: (!id.is_empty()).then(|| collection(id)),
        ..List::default()
    }
}

fn by_n(direction: Direction) -> Vec<Order> {
    let field = FieldRef::Field(field("n"));
    vec![Order { field, direction }]
}

#[tokio::test]
async fn lists_come_in_pages() {
    let world = filled().await;
    let order_by = by_n(Direction::Ascending);
    for (list, expected) in [
        (list("a"), &["a/1 a/2 a/4"][..]),
        (
            List {
                page_size: 3,
                ..list("a")
            },
            &["a/1 a/2 a/4"],
        ),
        (
            List {
                page_size: 2,
                ..list("a")
            },
            &["a/1 a/2", "a/4"],
        ),
        (
            List {
                show_missing: true,
                page_size: 3,
                ..list("a")
            },
            &["a/1 a/2 a/3?", "a/4"],
        ),
        (
            List {
                page_size: 2,
                ..list("")
            },
            &["a/1 a/2", "a/4 b/1"],
        ),
        (
            List {
                show_missing: true,
                page_size: 2,
                ..list("")
            },
            &["a/1 a/2", "a/3? a/4", "b/1 c/0?"],
        ),
        (
            List {
                order_by,
                page_size: 2,
                ..list("a")
            },
            &["a/4 a/2", "a/1"],
        ),
        (
            List {
                parent: Some(document("b/1")),
                ..list("y")
            },
            &["b/1/y/1"],
        ),
        (list("none"), &[""]),
    ] {
        let shown = format!("{list:?}");
        assert_eq!(world.pages(list).await.unwrap(), expected, "{shown}");
    }
    let ordered = |id, show_missing| List {
        show_missing,
        order_by: by_n(Direction::Ascending),
        ..list(id)
    };
    // Missing documents have nothing to sort by; all collections together have no order but that of names.
    for refused in [ordered("a", true), ordered("", false)] {
        assert_eq!(kind(world.pages(refused).await), "invalid");
    }
}

#[tokio::test]
async fn pages_go_on_at_the_time_of_the_first_and_for_the_same_request_only() {
    let world = filled().await;
    let (it, owner, database) = (&world.firestore, &world.owner, &world.database);
    for order_by in [Vec::new(), by_n(Direction::Descending)] {
        let first = List {
            page_size: 1,
            order_by,
            ..list("a")
        };
        let page = it
            .list_documents(owner, database, first.clone())
            .await
            .unwrap();
        world.set("a/2", -1).await;
        world
            .commit(vec![delete("a/4"), set("a/15", -10)])
            .await
            .unwrap();
        let next = List {
            page_token: page.next_page_token,
            page_size: 9,
            ..first.clone()
        };
        assert_eq!(world.pages(next.clone()).await.unwrap(), ["a/2 a/4"]);
        for other in [
            List {
                collection: Some(collection("b")),
                ..next.clone()
            },
            List {
                parent: Some(document("b/1")),
                ..next.clone()
            },
            List {
                mask: Some(firekeep_model::FieldMask::new([])),
                ..next.clone()
            },
            List {
                order_by: by_n(Direction::Ascending),
                ..next.clone()
            },
            List {
                page_token: "x".to_owned(),
                ..next.clone()
            },
            List {
                page_token: format!("{}A", next.page_token),
                ..next.clone()
            },
        ] {
            let shown = format!("{other:?}");
            assert_eq!(kind(world.pages(other).await), "invalid", "{shown}");
        }
        // When the first page's time is too long ago, the list goes on with what there is.
        world.server.clock.advance(4_000);
        world.set("a/5", -20).await;
        world.server.core.tend().await.unwrap();
        let gone_on = world.pages(next).await.unwrap();
        assert!(gone_on.concat().contains("a/5"), "{gone_on:?}");
        world
            .commit(vec![set("a/4", -3), delete("a/5"), delete("a/15")])
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn collections_are_listed_in_pages() {
    let world = filled().await;
    let (it, owner, database) = (&world.firestore, &world.owner, &world.database);
    let ids = |parent: Option<&str>, size, token: &str| {
        let (parent, token) = (parent.map(document), token.to_owned());
        async move {
            it.list_collection_ids(owner, database, parent, size, &token, Consistency::Strong)
                .await
                .map(|(ids, token)| {
                    let ids: Vec<_> = ids.iter().map(ToString::to_string).collect();
                    (ids.join(" "), token)
                })
        }
    };
    assert_eq!(
        ids(None, 0, "").await.unwrap(),
        ("a b c".to_owned(), String::new())
    );
    let (first, token) = ids(None, 2, "").await.unwrap();
    assert_eq!(first, "a b");
    assert_eq!(
        ids(None, 2, &token).await.unwrap(),
        ("c".to_owned(), String::new())
    );
    assert_eq!(kind(ids(Some("a/3"), 2, &token).await), "invalid");
    assert_eq!(ids(Some("a/3"), 0, "").await.unwrap().0, "x");
}
