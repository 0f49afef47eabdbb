import Foundation
import ImageBuilder
import ReleaseManifest
import VirtualMachine

/// A disk image to boot, found from what was typed.
struct RunnableImage: Equatable {
    /// Path of the raw or qcow2 image.
    var path: String
    /// The architecture of its programs.
    var architecture: VirtualMachine.Architecture
    /// Bytes a sector of its partition table; nil when no `release.json` says it.
    var sectorSize: Int?

    /// Finds the image that an argument means.
    ///
    /// A path is a disk image or a build folder; a variant stands for its newest build.
    ///
    /// - Throws: `RunError`.
    init(
        _ argument: String,
        in workspace: @autoclosure () throws -> Workspace,
        architecture wanted: VirtualMachine.Architecture?
    ) throws {
        let path = Workspace.absolute(argument)
        var isDirectory: ObjCBool = false
        let isPath =
            argument.contains("/")
            || (FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory)
                && (!isDirectory.boolValue || Self.release(in: path) != nil))
        guard isPath else {
            self = try Self.newest(of: argument, in: try workspace(), wanted)
            return
        }
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
            throw RunError.notFound(path: path)
        }
        self =
            try isDirectory.boolValue
            ? Self.build(at: path, wanted) : Self.file(at: path, wanted)
    }

    /// States an image.
    init(path: String, architecture: VirtualMachine.Architecture, sectorSize: Int? = nil) {
        self.path = path
        self.architecture = architecture
        self.sectorSize = sectorSize
    }

    private static func newest(
        of variant: String,
        in workspace: Workspace,
        _ wanted: VirtualMachine.Architecture?
    ) throws -> RunnableImage {
        guard
            FileManager.default.fileExists(atPath: "\(workspace.repository)/variants/\(variant)/variant.toml")
        else { throw RunError.neitherPathNorVariant(argument: variant, repository: workspace.repository) }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: workspace.output)) ?? []
        var builds: [(folder: String, architecture: String, date: Date)] = []
        for name in names where name.hasPrefix("\(variant)-") {
            let folder = "\(workspace.output)/\(name)"
            guard let release = try? release(in: folder)?.get(), release.variant == variant else { continue }
            let attributes = try? FileManager.default.attributesOfItem(atPath: "\(folder)/release.json")
            let date = attributes?[.modificationDate] as? Date ?? .distantPast
            builds.append((folder, release.architecture, date))
        }
        builds.sort { ($0.date, $0.folder) > ($1.date, $1.folder) }
        // What this machine runs natively is preferred to what it must emulate.
        let architecture = wanted ?? .current
        let build = builds.first { $0.architecture == architecture?.rawValue }
        guard let build = build ?? (wanted == nil ? builds.first : nil) else {
            throw RunError.notBuilt(variant: variant, output: workspace.output, architecture: wanted)
        }
        return try self.build(at: build.folder, wanted)
    }

    private static func build(at folder: String, _ wanted: VirtualMachine.Architecture?) throws
        -> RunnableImage
    {
        guard let release = try release(in: folder)?.get() else {
            throw RunError.noBuildFolder(path: folder)
        }
        guard let architecture = VirtualMachine.Architecture(rawValue: release.architecture),
            wanted == nil || wanted == architecture
        else { throw RunError.otherArchitecture(path: folder, architecture: release.architecture) }
        let candidates = ["raw", "qcow2"].compactMap { release.images[$0]?.file }
        guard
            let image = candidates.first(where: { FileManager.default.fileExists(atPath: "\(folder)/\($0)") })
        else { throw RunError.noImage(path: folder, candidates: candidates) }
        return RunnableImage(
            path: "\(folder)/\(image)",
            architecture: architecture,
            sectorSize: Int(exactly: release.sectorSize)
        )
    }

    private static func file(at path: String, _ wanted: VirtualMachine.Architecture?) throws -> RunnableImage
    {
        let folder = (path as NSString).deletingLastPathComponent
        let name = (path as NSString).lastPathComponent
        // A release.json that does not know the file says nothing about it.
        if wanted == nil, let release = try? release(in: folder)?.get(),
            release.images.values.contains(where: { $0.file == name }),
            let architecture = VirtualMachine.Architecture(rawValue: release.architecture)
        {
            return RunnableImage(
                path: path,
                architecture: architecture,
                sectorSize: Int(exactly: release.sectorSize)
            )
        }
        guard let architecture = wanted ?? .current else { throw RunError.architectureUnknown(path: path) }
        return RunnableImage(path: path, architecture: architecture, sectorSize: nil)
    }

    /// The facts of a build folder; nil for a folder without `release.json`.
    private static func release(in folder: String) -> Result<Release, any Error>? {
        let path = "\(folder)/release.json"
        guard let handle = FileHandle(forReadingAtPath: path) else { return nil }
        defer { try? handle.close() }
        return Result {
            do {
                let data = try handle.read(upToCount: Release.sizeLimit + 1) ?? Data()
                return try Release(decoding: [UInt8](data))
            } catch {
                throw RunError.badRelease(path: path, problem: "\(error)")
            }
        }
    }
}
