import Glibc
import HostAPI
import JSON
import SmallFiles

/// The files of one host's containers: definitions, states and folders.
struct ContainerFiles: Sendable {
    private static let statusLength = 64 << 10

    let paths: HostContainerPaths

    /// The definition of a container.
    ///
    /// - Throws: `HostContainersError.noDefinition`, `.badDefinitions`, `.cannotRead`.
    func definition(_ id: String) throws(HostContainersError) -> HostContainerDefinition {
        let path = paths.definition(id)
        guard let bytes = try read(path, maximumLength: HostContainerDefinition.maximumLength) else {
            throw .noDefinition(id: id, path: path)
        }
        guard let json = try? JSONValue(parsing: bytes), let definition = HostContainerDefinition(json: json),
            definition.id == id
        else { throw .badDefinitions(path: path, reason: "it is no definition of '\(id)'") }
        return definition
    }

    /// Makes a container's folders, and writes its user data and its definition, in this order: whoever finds the
    /// definition finds the rest.
    func write(_ container: DefinedContainer) throws(HostContainersError) {
        let definition = container.definition
        try makeFolders(definition)
        let userData = "\(paths.storage(definition))/user-data"
        try writing { () throws(SmallFileWriteError) in
            if let bytes = container.userData {
                // As others leave it after a loss of power, half of it would be worse than the one before.
                if (try? readSmallFile(userData, maximumLength: bytes.count, followsLink: false)) != bytes {
                    try replaceSmallFile(userData, with: bytes, mode: 0o600)
                }
            } else {
                try removeSmallFile(userData)
            }
            let text = definition.json.description + "\n"
            try replaceSmallFile(
                paths.definition(definition.id),
                with: Array(text.utf8),
                mode: 0o600,
                durably: false
            )
        }
    }

    private func makeFolders(_ definition: HostContainerDefinition) throws(HostContainersError) {
        try makeFolder(paths.runtime, mode: 0o755, durably: false)
        // Tells nobody what is in it, and GET /host-containers reads the status as root.
        try makeFolder(paths.folder(definition.id), mode: 0o700, durably: false)
        let storage = paths.storage(definition)
        try makeFolder(folder(of: folder(of: storage)), mode: 0o755, durably: true)
        try makeFolder(folder(of: storage), mode: 0o700, durably: true)
        try makeFolder(storage, mode: 0o700, durably: true)
    }

    func makeFolder(_ path: String, mode: UInt32, durably: Bool) throws(HostContainersError) {
        if durably {
            try writing { () throws(SmallFileWriteError) in try makeDurableFolder(path, mode: mode) }
        } else if mkdir(path, mode) != 0, errno != EEXIST {
            throw .system(path: path, operation: "make the folder", errno: errno)
        }
    }

    private func folder(of path: String) -> String {
        path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    }

    /// Takes a definition away: its container is none that may run any more.
    func removeDefinition(_ id: String) throws(HostContainersError) {
        guard unlink(paths.definition(id)) == 0 || errno == ENOENT else {
            throw .system(path: paths.definition(id), operation: "remove", errno: errno)
        }
    }

    /// The ids of all definitions, sorted.
    func definedIDs() -> [String] {
        guard let folder = opendir(paths.runtime) else { return [] }
        defer { closedir(folder) }
        var ids: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name.hasSuffix(".json"), !name.hasPrefix(".") { ids.append(String(name.dropLast(5))) }
        }
        return ids.sorted()
    }

    /// The digest of the definition that the container's processes are, or were last, at work with; nil before their first
    /// start.
    func digestInForce(_ id: String) -> String? {
        (try? readSmallFile(paths.inForce(id), maximumLength: 128)).map {
            String(decoding: $0, as: UTF8.self)
        }
    }

    /// Notes which definition the container's processes are at work with.
    func setDigestInForce(_ digest: String, of id: String) throws(HostContainersError) {
        try replace(paths.inForce(id), with: digest)
    }

    /// Whether the container's first process was started since this was last set to false.
    func wasStarted(_ id: String) -> Bool { access(paths.started(id), F_OK) == 0 }

    /// Notes whether the container's first process was started.
    func setStarted(_ wasStarted: Bool, _ id: String) throws(HostContainersError) {
        if wasStarted {
            try replace(paths.started(id), with: "")
        } else {
            unlink(paths.started(id))
        }
    }

    /// What a container does; nil where that was never told, or can't be read.
    func status(_ id: String) -> HostContainerStatus? {
        guard let bytes = try? readSmallFile(paths.status(id), maximumLength: Self.statusLength),
            let json = try? JSONValue(parsing: bytes)
        else { return nil }
        return try? HostContainerStatus(json: json)
    }

    /// Tells what a container does.
    func write(_ status: HostContainerStatus, of id: String) throws(HostContainersError) {
        try replace(paths.status(id), with: status.json.description + "\n")
    }

    private func replace(_ path: String, with text: String) throws(HostContainersError) {
        try writing { () throws(SmallFileWriteError) in
            try replaceSmallFile(path, with: Array(text.utf8), mode: 0o600, durably: false)
        }
    }

    /// The bytes of a file; nil if there is none.
    func read(_ path: String, maximumLength: Int) throws(HostContainersError) -> [UInt8]? {
        do throws(SmallFileError) {
            return try readSmallFile(path, maximumLength: maximumLength)
        } catch {
            if error.isMissing { return nil }
            throw .cannotRead(path: path, error)
        }
    }

    func writing(_ body: () throws(SmallFileWriteError) -> Void) throws(HostContainersError) {
        do throws(SmallFileWriteError) { try body() } catch { throw .cannotWrite(error) }
    }
}
