import JSON
import SettingsModel
import Testing

@testable import SettingsStore

/// Migrations: the graph, the building blocks, and stores that go forward and back.
struct MigrationTests {
    static let graph = MigrationGraph(
        current: 3,
        migrations: [
            Migration(name: "rename", from: 1, .rename(key("old"), to: key("group.new"))),
            Migration(
                name: "values",
                from: 2,
                .addTextPrefix("https://", inside: key("urls")),
                .replace(key("mode"), "none", with: "off"),
                .add(key("fresh"))
            ),
        ]
    )

    @Test func realGraphIsConnected() {
        #expect(Migrations.graph.problems() == [])
        for from in 1...Migrations.current {
            for to in 1...Migrations.current { #expect(Migrations.graph.path(from: from, to: to) != nil) }
        }
    }

    @Test func holesAreReported() {
        let hole = MigrationGraph(current: 4, migrations: Self.graph.migrations)
        #expect(hole.problems() == ["nothing leads from version 3 to 4: add a migration"])
        #expect(hole.path(from: 1, to: 4) == nil)
        #expect(hole.path(from: 4, to: 1) == nil)
        #expect(hole.path(from: 3, to: 1)?.count == 2)
        let outside = MigrationGraph(
            current: 2,
            migrations: Self.graph.migrations + [Self.graph.migrations[0]]
        )
        #expect(outside.problems().count == 2)
    }

    @Test func stepsWorkInBothDirections() {
        let start = document(["old": "1", "urls.a": ["x"], "mode": "none", "other": 1])
        let end = document(["group.new": "1", "urls.a": ["https://x"], "mode": "off", "other": 1])
        #expect(Self.graph.migrate(start, from: 1, to: 3) == end)
        #expect(Self.graph.migrate(end, from: 3, to: 1) == start)
        let removal = MigrationStep.remove(key("urls"))
        #expect(removal.forward(start) == document(["old": "1", "mode": "none", "other": 1]))
        #expect(removal.reversed.forward(start) == start)
        #expect(
            MigrationStep.removeTextPrefix("x", inside: key("urls")).forward(start).values[key("urls.a")] == [
                ""
            ]
        )
    }

    @Test func oldReaderFindsEverythingAndForwardAgain() throws {
        let disk = CutDisk()
        let old = try openStore(disk)
        try old.set(["old": "1", "mode": "none"])
        let new = try openStore(disk, osVersion: "2.0.0", options: storeOptions(migrations: Self.graph))
        #expect(new.current.settings == texts(["group.new": "1", "mode": "off"]))
        #expect(try new.beginBoot(defaults: SettingsDocument()) == [])
        #expect(new.current.schemaVersion == 3)
        #expect(new.current.reason == .osVersion)
        try new.set(["group.new": "2", "urls": "https://y", "fresh": "1"])
        // Back: every acknowledged setting that the old version has is there.
        let back = try openStore(disk)
        #expect(back.warnings == [])
        #expect(back.current.settings == texts(["old": "2", "mode": "none", "urls": "y"]))
        try back.set(["b": "1"])
        let forward = try openStore(disk, options: storeOptions(migrations: Self.graph))
        #expect(
            forward.current.settings
                == texts(["group.new": "2", "mode": "off", "urls": "https://y", "b": "1"])
        )
        // What the old version could not hold is in the history.
        #expect(try forward.generation(4).settings.values[key("fresh")] == "1")
    }

    @Test func sameFormIsNotWrittenTwice() throws {
        let disk = CutDisk()
        let store = try openStore(disk, options: storeOptions(migrations: Self.graph))
        try store.set(["other": "1"])
        let bytes = try #require(disk.files[FileName.generation(2)])
        let content = try Envelope.open(bytes)
        #expect(content["older"] == nil)
        #expect(content["readableSince"] == 1)
        #expect(try openStore(disk).value("other") == "1")
    }

    @Test func formWithoutAWayIsReadKeyByKey() throws {
        let disk = CutDisk()
        let hole = MigrationGraph(current: 3, migrations: [Self.graph.migrations[1]])
        try openStore(disk, options: storeOptions(migrations: hole)).set(["mode": "off", "strange": "1"])
        let old = try openStore(disk, options: storeOptions(known: { $0 == key("mode") }))
        #expect(old.value("mode") == "none")
        #expect(old.value("strange") == nil)
        #expect(old.warnings.count == 2)
    }

    @Test func restoreLeavesOutWhatIsNotAllowed() throws {
        let disk = CutDisk()
        let store = try openStore(disk)
        try store.set(["gone": "1", "a": "1"])
        try store.delete("gone", "a")
        let next = try openStore(disk, options: storeOptions(known: { $0 != key("gone") }))
        #expect(try next.restore(2, by: author) == [key("a")])
        #expect(next.warnings.contains { $0.contains("settings.gone") })
    }
}
