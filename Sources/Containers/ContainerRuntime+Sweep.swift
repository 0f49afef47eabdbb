internal import Protobuf

extension ContainerRuntime {
    /// Removes what a crash of whoever made it has left: containers, tasks without a container, root file systems
    /// without one, and leases of processes that have ended.
    ///
    /// - Parameter keeping: the containers that may be there, and that somebody may just be making.
    /// - Returns: what was removed, in words.
    public func sweep(keeping: Set<String>) async throws(ContainerError) -> [String] {
        var removed: [String] = []
        let records = try await call(ContainerRecords.list, ListRequest(), "list containers", .repeated)
            .containers
        let known = Set(records.map(\.id))
        for task in try await tasks() where !known.contains(task.id) {
            try await adopt(task.id)
            try await remove(task.id)
            removed.append("task '\(task.id)' without a container")
        }
        for record in records where !keeping.contains(record.id) {
            try await remove(record.id)
            removed.append("container '\(record.id)'")
        }
        removed += try await sweepSnapshots(keeping: keeping.union(records.map(\.snapshotKey)))
        removed += try await sweepLeases()
        return removed
    }

    /// Gives a task a container, without which containerd does not let it be deleted.
    private func adopt(_ id: String) async throws(ContainerError) {
        let container = ContainerRecords.Container(
            id: id,
            runtime: ContainerRecords.Runtime(name: Self.runtimeName),
            spec: ProtobufAny(typeURL: Self.specType, value: Array("{}".utf8))
        )
        _ = try await call(
            ContainerRecords.create,
            ContainerRecords.CreateRequest(container: container),
            "take task '\(id)' over"
        )
    }

    private func sweepSnapshots(keeping: Set<String>) async throws(ContainerError) -> [String] {
        let answers = try await receive(
            Snapshots.list,
            Snapshots.SnapshotterRequest(snapshotter: "overlayfs"),
            "list snapshots"
        )
        var removed: [String] = []
        for snapshot in answers.flatMap(\.snapshots)
        where snapshot.kind == Snapshots.Info.active && !keeping.contains(snapshot.name)
            // Of an image that is just being unpacked.
            && !snapshot.name.hasPrefix("extract-")
        {
            let request = Snapshots.KeyRequest(snapshotter: "overlayfs", key: snapshot.name)
            let answer = try await unlessMissing { () async throws(ContainerError) in
                try await self.call(
                    Snapshots.remove,
                    request,
                    "remove snapshot '\(snapshot.name)'",
                    .repeated
                )
            }
            if answer != nil { removed.append("snapshot '\(snapshot.name)' without a container") }
        }
        return removed
    }

    private func sweepLeases() async throws(ContainerError) -> [String] {
        let leases = try await call(Leases.list, ListRequest(), "list leases", .repeated).leases
        let dead = leases.filter { lease in
            lease.labels[LeaseOwner.label].map { !LeaseOwner.isThere($0) } ?? false
        }
        for lease in dead { await removeLease(lease.id, sync: true) }
        return dead.map { "what an import or the making of a container left (lease '\($0.id)')" }
    }
}
