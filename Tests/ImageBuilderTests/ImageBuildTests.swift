import Foundation
import TestSupport
import Testing

@testable import ImageBuilder

/// A build is remembered for what went into it.
@Suite struct ImageBuildTests {
    private static let repository = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path

    private func site() throws -> (place: TemporaryDirectory, build: ImageBuild) {
        let place = try TemporaryDirectory()
        for name in ["Package.swift", "Package.resolved", ".swift-version", "image", "variants"] {
            try FileManager.default.copyItem(
                atPath: "\(Self.repository)/\(name)",
                toPath: place.file(name)
            )
        }
        try FileSystem.makeDirectory(place.file("Sources"))
        let workspace = try Workspace(repository: place.path, cache: place.file("cache"))
        let build = try ImageBuild(variant: "vm-containerd", options: .init(), workspace: workspace)
        try FileSystem.makeDirectory(build.folder)
        return (place, build)
    }

    private func isRemembered(_ build: ImageBuild, _ place: TemporaryDirectory) throws -> Bool {
        let cache = StageCache(cache: place.file("cache"))
        return BuildRecord.lookUp(folder: build.folder, inputs: try build.inputs(), cache: cache) != nil
    }

    @Test func aBuildOfUnchangedInputsIsRemembered() throws {
        let (place, build) = try site()
        let observer = RecordingObserver()
        try build.remember(try build.inputs(), [], StageLog(observer: observer))
        #expect(try isRemembered(build, place))
        #expect(observer.notes.isEmpty)
    }

    @Test(arguments: ["image/rootfs/new", "Sources/new"])
    func aBuildDuringWhichAnInputWasEditedIsNot(_ file: String) throws {
        let (place, build) = try site()
        let observer = RecordingObserver()
        let inputs = try build.inputs()
        try FileSystem.write([1], to: place.file(file))
        try build.remember(inputs, [], StageLog(observer: observer))
        #expect(try !isRemembered(build, place))
        #expect(observer.notes.count == 1)
        #expect(!FileSystem.exists(place.file("cache/builds")), "not even under the old inputs")
    }

    @Test func anotherToolchainIsAnotherInput() throws {
        let (place, build) = try site()
        let inputs = try build.inputs()
        try FileSystem.write(Array("6.9\n".utf8), to: place.file(".swift-version"))
        #expect(try build.inputs() != inputs)
    }
}
