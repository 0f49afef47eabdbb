import HostAPI
import HostAPIServer
import JSON
import SettingsModel
import SettingsStore

extension OperationHandler {
    /// `GET /generations`.
    func listGenerations() async throws(Problem) -> APIReply {
        let left = await service.trialSecondsLeft
        let current = snapshot.inForce.generation.number
        let summaries = try await service.generations().map {
            GenerationSummary($0, current: current, trialSecondsLeft: left).json
        }
        return .json(.array(summaries))
    }

    /// `GET /generations/{number}`.
    func generation(_ request: APIRequest) async throws(Problem) -> APIReply {
        let generation = try await service.generation(number("number", request))
        let detail = GenerationDetail(
            summary: GenerationSummary(
                GenerationHead(generation),
                current: snapshot.inForce.generation.number,
                trialSecondsLeft: await service.trialSecondsLeft
            ),
            settings: generation.settings.json,
            strong: generation.strong.json,
            weak: generation.weak.json,
            defaults: generation.defaults.json
        )
        return .json(detail.json)
    }

    /// `GET /generations/compare`.
    func compare(_ request: APIRequest) async throws(Problem) -> APIReply {
        let from = try await service.generation(number("from", request))
        let to =
            if request.parameters.integer("to") == nil { snapshot.inForce.generation } else {
                try await service.generation(number("to", request))
            }
        let changes = from.differences(to: to).map {
            GenerationComparison.Change(key: $0.key.description, before: $0.before, after: $0.after)
        }
        return .json(GenerationComparison(from: from.number, to: to.number, changes: changes).json)
    }

    /// `POST /generations/{number}/restore`.
    func restore(_ request: APIRequest) async throws(Problem) -> APIReply {
        let changed = try await service.restore(number("number", request), by: request.peer)
        return .report(await service.apply(Set(changed), isOwed: true))
    }

    private func number(_ name: String, _ request: APIRequest) -> UInt64 {
        // The route table lets only whole numbers from 1 through.
        UInt64(clamping: request.parameters.integer(name) ?? 0)
    }
}

extension GenerationSummary {
    init(_ generation: GenerationHead, current: UInt64, trialSecondsLeft: Int64?) {
        self.init(
            number: generation.number,
            isCurrent: generation.number == current,
            time: Timestamp(seconds: generation.time),
            osVersion: generation.osVersion,
            author: Author(generation.author),
            reason: generation.reason.rawValue,
            trial: generation.number == current
                ? generation.trial.map { Trial(secondsLeft: trialSecondsLeft ?? 0, previous: $0.previous) }
                : nil
        )
    }
}

extension GenerationSummary.Author {
    init(_ author: Generation.Author) {
        self.init(uid: author.user, gid: author.group, pid: author.process, program: author.program)
    }
}
