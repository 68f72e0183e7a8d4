"""The official Python client against the real binary: documents, queries and transactions over gRPC."""

import asyncio
import datetime
import threading
import unittest

from google.api_core import exceptions
from google.cloud import firestore
from google.cloud.firestore_v1 import aggregation
from google.cloud.firestore_v1.base_query import And, FieldFilter, Or
from google.cloud.firestore_v1.base_vector_query import DistanceMeasure
from google.cloud.firestore_v1.field_path import FieldPath
from google.cloud.firestore_v1.query_profile import ExplainOptions
from google.cloud.firestore_v1.vector import Vector

import harness


def setUpModule():
    harness.start()


def tearDownModule():
    harness.stop()


def ids(snapshots):
    return [snapshot.id for snapshot in snapshots]


class Documents(unittest.TestCase):
    def setUp(self):
        self.db = harness.client()

    def test_every_type_of_value_comes_back(self):
        written = {
            "null": None,
            "true": True,
            "integer": -(2**63),
            "double": 0.1,
            "infinity": float("inf"),
            "time": datetime.datetime(2026, 11, 25, 1, 2, 3, 456789, tzinfo=datetime.timezone.utc),
            "string": "Straße \U0001f525 \0",
            "bytes": b"\0\xff",
            "reference": self.db.document("a/b"),
            "point": firestore.GeoPoint(-12.5, 179.5),
            "array": [1, "two", {"three": [3]}],
            "map": {"x": {"y": 1}, "a.b": "dotted"},
            "vector": Vector([1.0, 2.5]),
        }
        document = self.db.document("rooms/r1")
        result = document.set(written)
        found = document.get()
        time = found.get("time")
        self.assertEqual(found.to_dict() | {"time": time}, written)
        self.assertEqual(time, written["time"])
        self.assertEqual(found.update_time, result.update_time)
        self.assertEqual(found.create_time, found.update_time)

    def test_create_update_delete_and_their_refusals(self):
        document = self.db.document("rooms/r1")
        with self.assertRaises(exceptions.NotFound):
            document.update({"a": 1})
        document.create({"a": 1, "m": {"x": 1, "y": 2}})
        with self.assertRaises(exceptions.AlreadyExists):
            document.create({"a": 2})
        document.update({"m.x": 5, "m.y": firestore.DELETE_FIELD, FieldPath("d.d").to_api_repr(): 7})
        self.assertEqual(document.get().to_dict(), {"a": 1, "m": {"x": 5}, "d.d": 7})
        document.set({"m": {"z": 1}}, merge=True)
        self.assertEqual(document.get().get("m"), {"x": 5, "z": 1})
        stale = self.db.write_option(last_update_time=document.get().create_time)
        with self.assertRaises(exceptions.FailedPrecondition):
            document.delete(option=stale)
        document.delete()
        document.delete()
        self.assertFalse(document.get().exists)

    def test_transforms(self):
        document = self.db.document("rooms/r1")
        document.set({"n": 5, "list": [1, 2, 3]})
        document.update(
            {
                "n": firestore.Increment(2.5),
                "list": firestore.ArrayUnion([3, 4]),
                "at": firestore.SERVER_TIMESTAMP,
                "high": firestore.Maximum(9),
                "low": firestore.Minimum(-1),
            }
        )
        found = document.get().to_dict()
        at = found.pop("at")
        self.assertEqual(found, {"n": 7.5, "list": [1, 2, 3, 4], "high": 9, "low": -1})
        self.assertLess(abs((datetime.datetime.now(datetime.timezone.utc) - at).total_seconds()), 60)
        document.update({"list": firestore.ArrayRemove([1, 4])})
        self.assertEqual(document.get().get("list"), [2, 3])

    def test_a_write_that_changes_nothing_keeps_the_time(self):
        document = self.db.document("rooms/r1")
        first = document.set({"a": 1})
        self.assertEqual(document.set({"a": 1}).update_time, first.update_time)
        self.assertGreater(document.set({"a": 1.0}).update_time, first.update_time)

    def test_a_batch_is_all_or_nothing(self):
        batch = self.db.batch()
        batch.set(self.db.document("a/1"), {"v": 1})
        batch.update(self.db.document("a/missing"), {"v": 1})
        with self.assertRaises(exceptions.NotFound):
            batch.commit()
        self.assertFalse(self.db.document("a/1").get().exists)

    def test_bulk_writer(self):
        writer = self.db.bulk_writer()
        for number in range(200):
            writer.set(self.db.document(f"bulk/{number:03}"), {"n": number})
        writer.close()
        self.assertEqual(len(list(self.db.collection("bulk").list_documents())), 200)

    def test_get_all_and_field_masks(self):
        self.db.document("a/1").set({"x": 1, "y": {"z": 2, "w": 3}})
        names = [self.db.document("a/1"), self.db.document("a/2")]
        found = {snapshot.id: snapshot for snapshot in self.db.get_all(names, field_paths=["y.z"])}
        self.assertEqual(found["1"].to_dict(), {"y": {"z": 2}})
        self.assertFalse(found["2"].exists)

    def test_lists_show_missing_parents(self):
        self.db.document("a/lost/b/1").set({})
        self.db.document("a/found").set({})
        self.assertEqual([name.id for name in self.db.collection("a").list_documents()], ["found", "lost"])
        self.assertEqual([found.id for found in self.db.collections()], ["a"])
        self.assertEqual([found.id for found in self.db.document("a/lost").collections()], ["b"])

    def test_recursive_delete(self):
        for path in ("a/1", "a/1/b/2", "a/1/b/2/c/3", "a/4", "ab/5", "z/1/a/1"):
            self.db.document(path).set({})
        self.assertEqual(self.db.recursive_delete(self.db.collection("a")), 4)
        self.assertEqual([found.id for found in self.db.collections()], ["ab", "z"])
        self.assertTrue(self.db.document("z/1/a/1").get().exists)


class Queries(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.db = harness.client()
        cls.rooms = cls.db.collection("rooms")
        batch = cls.db.batch()
        for number in range(20):
            data = {"n": number, "even": number % 2 == 0, "third": number % 3, "tags": [f"t{number % 4}", number]}
            if number % 5 == 0:
                data["maybe"] = None if number == 0 else number
            batch.set(cls.rooms.document(f"r{number:02}"), data)
            batch.set(cls.db.document(f"houses/h{number % 3}/rooms/x{number:02}"), {"n": 100 + number})
        batch.commit()

    def find(self, *filters, order=(), **more):
        query = self.rooms
        for field, op, value in filters:
            query = query.where(filter=FieldFilter(field, op, value))
        for field in order:
            direction = firestore.Query.DESCENDING if field.startswith("-") else firestore.Query.ASCENDING
            query = query.order_by(field.lstrip("-"), direction=direction)
        for name, value in more.items():
            query = getattr(query, name)(value)
        return [int(snapshot.id[1:]) for snapshot in query.stream()]

    def test_filters(self):
        rows = [
            ([("n", "==", 3)], [3]),
            ([("n", ">", 17)], [18, 19]),
            ([("n", ">=", 2), ("n", "<", 4)], [2, 3]),
            ([("even", "==", True), ("third", "==", 1)], [4, 10, 16]),
            ([("tags", "array_contains", "t1"), ("even", "==", False)], [1, 5, 9, 13, 17]),
            ([("tags", "array_contains_any", ["t1", 2])], [1, 2, 5, 9, 13, 17]),
            ([("n", "in", [5, 1, 99])], [1, 5]),
            ([("n", "not-in", list(range(9, 19)))], [*range(9), 19]),
            ([("third", "!=", 0), ("even", "==", True)], [4, 10, 16, 2, 8, 14]),
            ([("maybe", "==", None)], [0]),
            ([("maybe", "!=", None)], [5, 10, 15]),
        ]
        for filters, expected in rows:
            with self.subTest(filters):
                self.assertEqual(self.find(*filters), expected)

    def test_orders_limits_and_cursors(self):
        self.assertEqual(self.find(order=["-n"], limit=3), [19, 18, 17])
        self.assertEqual(self.find(order=["third", "-n"], limit=4), [18, 15, 12, 9])
        self.assertEqual(self.find(("even", "==", True), order=["-n"], limit=2, offset=1), [16, 14])
        self.assertEqual(self.find(order=["n"], start_after={"n": 16}, end_at={"n": 18}), [17, 18])
        query = self.rooms.order_by("n").limit_to_last(2)
        self.assertEqual(ids(query.get()), ["r18", "r19"])
        cursor = self.rooms.document("r05").get()
        self.assertEqual(ids(self.rooms.order_by("third").start_at(cursor).limit(2).stream()), ["r05", "r08"])

    def test_or_and_several_inequalities(self):
        either = Or([FieldFilter("n", "<", 2), And([FieldFilter("third", "==", 2), FieldFilter("n", ">", 15)])])
        self.assertEqual(ids(self.rooms.where(filter=either).stream()), ["r00", "r01", "r17"])
        self.assertEqual(self.find(("n", ">", 10), ("third", "<", 1)), [12, 15, 18])

    def test_projection(self):
        found = next(iter(self.rooms.select(["third"]).limit(1).stream()))
        self.assertEqual(found.to_dict(), {"third": 0})

    def test_collection_groups(self):
        found = self.db.collection_group("rooms").where(filter=FieldFilter("n", ">=", 118)).stream()
        self.assertEqual([snapshot.reference.path for snapshot in found], ["houses/h0/rooms/x18", "houses/h1/rooms/x19"])
        everything = list(self.db.collection_group("rooms").stream())
        self.assertEqual(len(everything), 40)

    def test_partitions_cover_the_group_once(self):
        partitions = list(self.db.collection_group("rooms").get_partitions(3))
        found = [snapshot.reference.path for partition in partitions for snapshot in partition.query().stream()]
        self.assertEqual(len(found), 40)
        self.assertEqual(len(set(found)), 40)

    def test_aggregations(self):
        query = self.rooms.where(filter=FieldFilter("even", "==", True))
        request = aggregation.AggregationQuery(query)
        request.count(alias="count").sum("n", alias="sum").avg("n", alias="avg")
        found = {result.alias: result.value for result in request.get()[0]}
        self.assertEqual(found, {"count": 10, "sum": 90, "avg": 9.0})
        [[count]] = self.rooms.limit(7).count().get()
        self.assertEqual(count.value, 7)

    def test_nearest_vectors(self):
        spots = self.db.collection("spots")
        for name, vector in {"a": [1.0, 0.0], "b": [0.0, 1.0], "c": [3.0, 0.0]}.items():
            spots.document(name).set({"at": Vector(vector)})
        found = spots.find_nearest(
            vector_field="at",
            query_vector=Vector([2.5, 0.0]),
            distance_measure=DistanceMeasure.EUCLIDEAN,
            limit=2,
            distance_result_field="distance",
        ).get()
        self.assertEqual([(hit.id, hit.get("distance")) for hit in found], [("c", 0.5), ("a", 1.5)])

    def test_explain(self):
        query = self.rooms.where(filter=FieldFilter("n", "==", 3))
        result = query.get(explain_options=ExplainOptions(analyze=True))
        self.assertEqual(ids(result), ["r03"])
        metrics = result.get_explain_metrics()
        self.assertEqual(metrics.execution_stats.results_returned, 1)
        self.assertTrue(metrics.plan_summary.indexes_used)

    def test_refused_queries(self):
        rows = [
            [("n", "in", [])],
            [("n", "not-in", list(range(11)))],
            [("n", "in", list(range(31)))],
        ]
        for filters in rows:
            with self.subTest(filters), self.assertRaises(exceptions.InvalidArgument):
                self.find(*filters)

    def test_reads_in_the_past(self):
        document = self.db.document("past/1")
        before = document.set({"v": 1}).update_time
        document.set({"v": 2})
        # Only the generated client underneath can ask for a time.
        name = f"{self.db._database_string}/documents/past/1"
        request = {"name": name, "read_time": before}
        found = self.db._firestore_api.get_document(request=request, metadata=self.db._rpc_metadata)
        self.assertEqual(found.fields["v"].integer_value, 1)


class Transactions(unittest.TestCase):
    def setUp(self):
        self.db = harness.client()

    def test_concurrent_increments_all_count(self):
        document = self.db.document("counters/c")
        document.set({"n": 0})

        @firestore.transactional
        def increment(transaction):
            found = document.get(transaction=transaction)
            transaction.update(document, {"n": found.get("n") + 1})

        def work():
            for _ in range(5):
                increment(self.db.transaction(max_attempts=50))

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(document.get().get("n"), 20)

    def test_a_query_sees_no_phantoms(self):
        rooms = self.db.collection("rooms")
        attempts = []

        @firestore.transactional
        def reserve(transaction):
            taken = list(rooms.where(filter=FieldFilter("taken", "==", True)).stream(transaction=transaction))
            attempts.append(len(taken))
            if len(attempts) == 1:
                self.meanwhile(lambda: rooms.document("other").set({"taken": True}))
            transaction.set(rooms.document("mine"), {"count": len(taken)})

        reserve(self.db.transaction())
        self.assertEqual(rooms.document("mine").get().get("count"), attempts[-1])
        self.assertIn(attempts, ([0, 1], [0]))

    def meanwhile(self, work):
        """Runs `work` while a transaction is open. A server that locks lets it wait: then it goes on by itself."""
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        thread.join(timeout=2)

    def test_read_only(self):
        document = self.db.document("a/1")
        document.set({"v": 1})

        @firestore.transactional
        def read(transaction):
            return [document.get(transaction=transaction).get("v") for _ in range(2)]

        self.assertEqual(read(self.db.transaction(read_only=True)), [1, 1])

    def test_an_exception_rolls_back(self):
        document = self.db.document("a/1")

        @firestore.transactional
        def fail(transaction):
            transaction.set(document, {"v": 1})
            raise KeyError("mine")

        with self.assertRaises(KeyError):
            fail(self.db.transaction())
        self.assertFalse(document.get().exists)

    def test_the_asynchronous_client(self):
        async def work():
            db = firestore.AsyncClient(project=self.db.project)
            await db.document("a/1").set({"v": 1})

            @firestore.async_transactional
            async def double(transaction):
                found = await db.document("a/1").get(transaction=transaction)
                transaction.update(db.document("a/1"), {"v": found.get("v") * 2})

            await double(db.transaction())
            return [snapshot.to_dict() async for snapshot in db.collection("a").stream()]

        self.assertEqual(asyncio.run(work()), [{"v": 2}])


if __name__ == "__main__":
    unittest.main()
