import HostAPI
import Features
import Foundation
import JSON
import SettingsApply
import SettingsModel
import TestSupport
import Testing

/// The features and templates that go into images, read and applied as a host does it.
@Suite struct ImageFeaturesTests {
    private static let image = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../image").standardized.path

    private func applier(_ folder: TemporaryDirectory, _ services: FakeServices) throws -> Applier {
        let features = try FeatureSet.load(directory: "\(Self.image)/features")
        return Applier(
            features: features,
            templates: "\(Self.image)/templates",
            root: folder.file("root"),
            services: services,
            os: [
                "pretty_name": "Bulkhead", "version_id": "1.0.0", "variant_id": "test", "build_id": "x",
                "arch": "x86_64",
            ]
        )
    }

    @Test func featuresFitTogether() throws {
        let features = try FeatureSet.load(directory: "\(Self.image)/features")
        #expect(!features.features.isEmpty)
        // What defaults say is what the model allows, and every template is there and used.
        let templates = try FileManager.default.contentsOfDirectory(atPath: "\(Self.image)/templates")
        #expect(Set(features.files.values.map(\.template)) == Set(templates.filter { !$0.hasSuffix(".md") }))
    }

    /// A host on which nobody has set anything comes up with every file.
    @Test func defaultsAloneRenderEveryFile() async throws {
        let folder = try TemporaryDirectory()
        let services = FakeServices()
        let applier = try applier(folder, services)
        let report = await applier.apply(nil, settings: applier.features.defaults)
        // The CA bundle of the image is not on every machine that builds.
        let failed = report.files.filter { $0.error != nil }
        let needsBundle = !FileManager.default.fileExists(atPath: "/usr/share/bulkhead/ca-certificates.crt")
        #expect(failed.allSatisfy { needsBundle && $0.error?.contains("'/usr/") == true }, "\(failed)")
        #expect(report.files.count == applier.features.files.count)
        _ = services.takeCalls()
        let again = await applier.apply(nil, settings: applier.features.defaults)
        #expect(again.files.allSatisfy { !$0.changed })
        let withFiles = applier.features.services.filter { !$0.value.files.isEmpty }
        #expect(again.services.filter { withFiles[$0.name] != nil }.allSatisfy { $0.outcome == .skipped })
    }
}
