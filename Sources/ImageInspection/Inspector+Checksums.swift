import Bytes
import Dispatch
import Foundation
import Hashing
import ReleaseManifest
import Synchronization

extension Inspector {
    /// Lists the folder's files with what `SHA256SUMS` says about each of them.
    mutating func inspectFiles(_ folder: URL, names: [String]) {
        let files = names.compactMap { name -> (name: String, size: UInt64)? in
            let attributes = try? FileManager.default.attributesOfItem(
                atPath: folder.appending(path: name).path
            )
            guard attributes?[.type] as? FileAttributeType == .typeRegular,
                let size = attributes?[.size] as? NSNumber
            else { return nil }
            return (name, size.uint64Value)
        }
        let list = readChecksums(folder, exists: names.contains(OutputName.checksums))
        let digests = report.isQuick ? [:] : digestAll(files, in: folder)
        for file in files where file.name != OutputName.checksums {
            let listed = list?[file.name]
            var facts = OutputFileFacts(name: file.name, size: file.size, status: .notChecked)
            switch digests[file.name] {
            case .success(let digest):
                facts.sha256 = digest.hex
                if let listed {
                    facts.status = listed == digest ? .matches : .differs
                    if listed != digest {
                        find(
                            .error,
                            "checksum",
                            file.name,
                            "its SHA-256 is \(digest), but SHA256SUMS says \(listed); it was changed or damaged "
                                + "after the build: copy or build it again"
                        )
                    }
                }
            case .failure(let error): find(.error, "checksum", file.name, error.description)
            case nil: break
            }
            if list != nil, listed == nil {
                facts.status = .notListed
                find(
                    .warning,
                    "checksum",
                    file.name,
                    "SHA256SUMS does not list it, so nothing vouches for it; remove it or build again"
                )
            }
            report.files.append(facts)
        }
        let present = Set(files.map(\.name))
        let missing = Set(list?.entries.map(\.name) ?? []).union(OutputName.required).subtracting(present)
        for name in missing.sorted() {
            find(
                .error,
                "checksum",
                name,
                "the folder has no such file; copy the whole folder or build again"
            )
            report.files.append(OutputFileFacts(name: name, size: nil, status: .missing))
        }
    }

    private mutating func readChecksums(_ folder: URL, exists: Bool) -> ChecksumList? {
        guard exists else {
            find(
                .error,
                "checksum",
                OutputName.checksums,
                "the folder has no such file, so its files cannot be checked; copy the whole folder or build again"
            )
            return nil
        }
        do {
            let source = try ByteSource(file: folder.appending(path: OutputName.checksums).path)
            let bytes = try source.read(
                at: 0,
                count: Int(min(source.size, UInt64(ChecksumList.sizeLimit) + 1))
            )
            return try ChecksumList(parsing: bytes)
        } catch {
            find(.error, "checksum", OutputName.checksums, "\(error)")
            return nil
        }
    }

    /// The digests of all files, on all processors; the largest files begin first.
    private func digestAll(
        _ files: [(name: String, size: UInt64)],
        in folder: URL
    ) -> [String: Result<SHA256Digest, HashingError>] {
        let order = files.filter { $0.name != OutputName.checksums }.sorted { $0.size > $1.size }
        let results = Mutex<[String: Result<SHA256Digest, HashingError>]>([:])
        DispatchQueue.concurrentPerform(iterations: order.count) { index in
            let name = order[index].name
            progress("hashing \(name)")
            let path = folder.appending(path: name).path
            let result = Result { () throws(HashingError) in try SHA256Digest(hashingFile: path) }
            results.withLock { $0[name] = result }
        }
        return results.withLock { $0 }
    }
}
