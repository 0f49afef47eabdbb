import VirtualMachine

/// Why there is nothing to boot.
enum RunError: Error, Equatable, CustomStringConvertible {
    /// A path leads nowhere.
    case notFound(path: String)
    /// An argument without a slash is no file, no build folder and no variant.
    case neitherPathNorVariant(argument: String, repository: String)
    /// There is no build of a variant, or none for the architecture that was asked for.
    case notBuilt(variant: String, output: String, architecture: VirtualMachine.Architecture?)
    /// A folder has no `release.json`.
    case noBuildFolder(path: String)
    /// The `release.json` of a build cannot be used.
    case badRelease(path: String, problem: String)
    /// A build folder lacks the image files that can be booted.
    case noImage(path: String, candidates: [String])
    /// A build is not for the architecture that was asked for, or for none that can be emulated.
    case otherArchitecture(path: String, architecture: String)
    /// Nothing says for which architecture an image is.
    case architectureUnknown(path: String)

    var description: String {
        switch self {
        case .notFound(let path):
            "'\(path)' does not exist: name a disk image, a build folder or a variant"
        case .neitherPathNorVariant(let argument, let repository):
            "'\(argument)' is no file, no build folder, and no variant in '\(repository)/variants': "
                + "write a path with a '/', or a variant's name"
        case .notBuilt(let variant, let output, let architecture):
            "'\(output)' has no image of \(variant)\(architecture.map { " for \($0.rawValue)" } ?? ""): "
                + "run: bulkhead build \(variant)"
        case .noBuildFolder(let path):
            "'\(path)' has no release.json, so it is no build folder: name a folder that "
                + "'bulkhead build' made, or a disk image"
        case .badRelease(let path, let problem):
            "'\(path)' cannot be used: \(problem); build the image again"
        case .noImage(let path, let candidates):
            "'\(path)' has no image that can be booted (\(candidates.joined(separator: ", "))): build it with "
                + "--format raw"
        case .otherArchitecture(let path, let architecture):
            "'\(path)' is for \(architecture): choose a build for the architecture you want"
        case .architectureUnknown(let path):
            "nothing says for which architecture '\(path)' is: give --arch"
        }
    }
}
