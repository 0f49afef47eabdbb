internal import JSON

/// What kubelet's configuration needs.
let kubernetesHelpers: [String: Helper] = [
    // `join_node_taints map`: {key: [value:effect, ...]} as kubelet takes it: key=value:effect,... Not set: empty.
    "join_node_taints": Helper(1) { arguments throws(HelperError) in
        var taints: [String] = []
        for (key, values) in try arguments.members(0).sorted(by: { $0.key < $1.key }) {
            guard let values = values.elements, values.allSatisfy({ $0.string != nil }) else {
                throw arguments.refusal(0, "an object of lists of texts")
            }
            for value in values.compactMap(\.string) {
                let taint = "\(key)=\(value)"
                guard isWord(taint), !taint.contains(",") else {
                    throw HelperError(
                        "\(arguments.name(0)) has a taint in it that is \(notAWord), or has a ','"
                    )
                }
                taints.append(taint)
            }
        }
        return .string(try joined(taints, with: ","))
    },
    // `kube_reserve_memory max-pods setting`: the setting, or 255 MiB and 11 MiB for each pod.
    "kube_reserve_memory": Helper(2) { arguments throws(HelperError) in
        guard let pods = arguments[0]?.integer, (0...1_000_000).contains(pods) else {
            throw arguments.refusal(0, "a whole number of pods")
        }
        return .string(try arguments.scalar(1) ?? "\(pods * 11 + 255)Mi")
    },
    // `kube_reserve_cpu setting` without the facts of a host: only a setting that is set can be answered.
    "kube_reserve_cpu": kubeReserveCPU(processors: nil),
]

/// `kube_reserve_cpu setting`: the setting, or what Amazon EKS keeps for kubelet, in thousandths of a processor:
/// 60 for the first one, 10 for the second, 5 for each of the next two and 2.5 for each further one, rounded down.
func kubeReserveCPU(processors: Int?) -> Helper {
    Helper(1) { arguments throws(HelperError) in
        if let setting = try arguments.scalar(0) { return .string(setting) }
        guard let processors, (0...65_535).contains(processors) else {
            throw HelperError("the number of processors is not known: set \(arguments.name(0))")
        }
        let first = [0, 60, 70, 75, 80]
        return .string("\(processors < 5 ? first[processors] : 80 + (processors - 4) * 5 / 2)m")
    }
}
