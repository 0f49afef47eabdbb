internal import GRPCClient
internal import OCI
internal import Protobuf

extension ContainerRuntime {
    /// The runtime that all of our containers have: runc's shim, which runs any program of runc's command line.
    static let runtimeName = "io.containerd.runc.v2"
    /// How containerd names the type of a container's specification.
    static let specType = "types.containerd.io/opencontainers/runtime-spec/1/Spec"

    /// Makes a container with a fresh root file system; it does not run yet.
    ///
    /// - Throws: `ContainerError.exists` when there is one of that name; after any error nothing is left.
    public func create(_ container: NewContainer) async throws(ContainerError) {
        let what = "make container '\(container.id)'"
        let config = try await configuration(of: container.image)
        guard let parent = config.chainIDs.last else {
            throw .notAnImage(container.image.name, reason: "it has no layers")
        }
        let lease = try await makeLease("make room for container '\(container.id)'")
        var snapshotIsOurs = false
        do {
            let prepare = Snapshots.PrepareRequest(
                snapshotter: container.snapshotter,
                key: container.id,
                parent: "\(parent)"
            )
            _ = try await call(Snapshots.prepare, prepare, what, lease: lease)
            snapshotIsOurs = true
            let request = ContainerRecords.CreateRequest(container: container.record)
            _ = try await call(ContainerRecords.create, request, what, lease: lease)
        } catch {
            // Without its lease a snapshot that nothing names goes by itself, but only when containerd cleans up.
            if snapshotIsOurs { await removeSnapshot(container.id, of: container.snapshotter) }
            await removeLease(lease)
            if error.status?.code == .alreadyExists {
                throw .exists("container '\(container.id)', or a snapshot of that name,")
            }
            throw error
        }
        await removeLease(lease)
    }

    /// Removes a container in whatever state it is: its processes, its task, its record, its root file system.
    ///
    /// What is not there is fine, and so is what goes in the meantime.
    ///
    /// - Throws: `ContainerError.doesNotEnd` when a process outlives SIGKILL for ten seconds.
    public func remove(_ id: String) async throws(ContainerError) {
        try await removeTask(id)
        let what = "remove container '\(id)'"
        let record = try await record(of: id)
        _ = try await unlessMissing { () async throws(ContainerError) in
            try await self.call(ContainerRecords.delete, NamedRequest(name: id), what, .repeated)
        }
        BundleRemains(state: state, namespace: namespace, id: id)?.remove()
        let snapshot = Snapshots.KeyRequest(
            snapshotter: record?.snapshotter ?? "overlayfs",
            key: record?.snapshotKey ?? id
        )
        guard !snapshot.key.isEmpty else { return }
        _ = try await unlessMissing { () async throws(ContainerError) in
            try await self.call(Snapshots.remove, snapshot, what, .repeated)
        }
    }

    /// Kills and deletes a container's task, when it has one.
    func removeTask(_ id: String) async throws(ContainerError) {
        let limit: Duration = .seconds(10)
        let started = ContinuousClock.now
        var pause: Duration = .milliseconds(10)
        while let task = try await task(of: id) {
            if task.isOver {
                if try await deleteTask(id) { return }
            } else {
                try await kill(id, signal: 9, all: true)
            }
            guard ContinuousClock.now - started < limit else {
                throw .doesNotEnd(container: id, limit: limit)
            }
            try await rest(pause, "remove container '\(id)'")
            pause = min(pause * 2, .milliseconds(200))
        }
    }

    /// Deletes a task that has ended; false when containerd says that it has not.
    private func deleteTask(_ id: String) async throws(ContainerError) -> Bool {
        do {
            _ = try await call(Tasks.delete, NamedRequest(name: id), "delete the task of '\(id)'", .repeated)
            return true
        } catch {
            switch error.status?.code {
            case .notFound: return true
            case .failedPrecondition: return false
            default: throw error
            }
        }
    }

    // MARK: Records

    /// containerd's record of a container; nil when there is none.
    func record(of id: String) async throws(ContainerError) -> ContainerRecords.Container? {
        try await unlessMissing { () async throws(ContainerError) in
            try await self.call(
                ContainerRecords.get,
                NamedRequest(name: id),
                "look container '\(id)' up",
                .repeated
            )
        }?.container
    }

    /// A container's task; nil when it has none.
    func task(of id: String, exec: String? = nil) async throws(ContainerError) -> Tasks.Process? {
        try await unlessMissing { () async throws(ContainerError) in
            try await self.call(
                Tasks.get,
                Tasks.ProcessRequest(container: id, exec: exec ?? ""),
                "look the task of '\(id)' up",
                .repeated
            )
        }?.process
    }

    /// The answer of a call, or nil when what it is about is not there.
    func unlessMissing<Answer>(
        _ call: () async throws(ContainerError) -> Answer
    ) async throws(ContainerError) -> Answer? {
        do {
            return try await call()
        } catch {
            guard error.isNotFound else { throw error }
            return nil
        }
    }

    /// Waits; a task that is cancelled throws.
    func rest(_ pause: Duration, _ what: String) async throws(ContainerError) {
        do {
            try await Task.sleep(for: pause)
        } catch {
            throw .call(what, .cancelled(path: ""))
        }
    }

    private func removeSnapshot(_ key: String, of snapshotter: String) async {
        let request = Snapshots.KeyRequest(snapshotter: snapshotter, key: key)
        _ = try? await call(Snapshots.remove, request, "remove snapshot '\(key)'")
    }
}

extension NewContainer {
    /// The record that containerd keeps of it.
    var record: ContainerRecords.Container {
        let options = RuncOptions(binaryName: runtime.binary, root: runtime.root)
        return ContainerRecords.Container(
            id: id,
            labels: labels,
            image: image.name,
            runtime: ContainerRecords.Runtime(
                name: ContainerRuntime.runtimeName,
                options: ProtobufAny(packing: options, as: RuncOptions.typeName)
            ),
            spec: ProtobufAny(typeURL: ContainerRuntime.specType, value: spec),
            snapshotter: snapshotter,
            snapshotKey: id
        )
    }
}
