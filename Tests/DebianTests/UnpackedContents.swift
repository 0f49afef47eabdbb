import FileTree

@testable import Debian

extension UnpackedPackage {
    /// Reads all contents, which are compared with their digests then.
    func verifyContents() throws(FileTreeError) {
        for member in members {
            guard case .file(let content) = member.node.kind else { continue }
            try content.forEachChunk(of: member.path) { _ in }
        }
    }
}
