package shipper.testplugin;

import static org.elasticsearch.rest.RestRequest.Method.DELETE;
import static org.elasticsearch.rest.RestRequest.Method.GET;
import static org.elasticsearch.rest.RestRequest.Method.PUT;

import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.function.Predicate;
import java.util.function.Supplier;

import org.elasticsearch.ResourceNotFoundException;
import org.elasticsearch.action.admin.indices.create.AutoCreateAction;
import org.elasticsearch.action.admin.indices.create.CreateIndexRequest;
import org.elasticsearch.client.internal.Client;
import org.elasticsearch.cluster.metadata.ProjectId;
import org.elasticsearch.cluster.node.DiscoveryNodes;
import org.elasticsearch.cluster.service.ClusterService;
import org.elasticsearch.common.regex.Regex;
import org.elasticsearch.common.settings.Setting;
import org.elasticsearch.core.CheckedFunction;
import org.elasticsearch.core.TimeValue;
import org.elasticsearch.features.NodeFeature;
import org.elasticsearch.index.mapper.KeywordFieldMapper;
import org.elasticsearch.index.mapper.Mapper;
import org.elasticsearch.index.mapper.NumberFieldMapper;
import org.elasticsearch.index.mapper.TextFieldMapper;
import org.elasticsearch.plugins.ActionPlugin;
import org.elasticsearch.plugins.MapperPlugin;
import org.elasticsearch.plugins.Plugin;
import org.elasticsearch.rest.RestHandler;
import org.elasticsearch.rest.RestRequest;
import org.elasticsearch.xcontent.NamedXContentRegistry;
import org.elasticsearch.xcontent.ParseField;
import org.elasticsearch.xcontent.XContentParser;
import org.elasticsearch.xpack.core.ilm.AllocateAction;
import org.elasticsearch.xpack.core.ilm.DeleteAction;
import org.elasticsearch.xpack.core.ilm.DownsampleAction;
import org.elasticsearch.xpack.core.ilm.ForceMergeAction;
import org.elasticsearch.xpack.core.ilm.LifecycleAction;
import org.elasticsearch.xpack.core.ilm.LifecyclePolicy;
import org.elasticsearch.xpack.core.ilm.LifecycleSettings;
import org.elasticsearch.xpack.core.ilm.LifecycleType;
import org.elasticsearch.xpack.core.ilm.MigrateAction;
import org.elasticsearch.xpack.core.ilm.ReadOnlyAction;
import org.elasticsearch.xpack.core.ilm.RolloverAction;
import org.elasticsearch.xpack.core.ilm.SearchableSnapshotAction;
import org.elasticsearch.xpack.core.ilm.SetPriorityAction;
import org.elasticsearch.xpack.core.ilm.ShrinkAction;
import org.elasticsearch.xpack.core.ilm.TimeseriesLifecycleType;
import org.elasticsearch.xpack.core.ilm.UnfollowAction;
import org.elasticsearch.xpack.core.ilm.WaitForSnapshotAction;
import org.elasticsearch.xpack.core.ilm.action.PutLifecycleRequest;

/**
 * Gives the Elasticsearch of the tests back what its build leaves out: the ILM policy API with the
 * server's own parser and validators, the data stream API, and stand-ins for four field types.
 *
 * <p>It keeps policies and runs none: a policy that it takes is a valid one, no more.
 */
public final class TestPlugin extends Plugin implements ActionPlugin, MapperPlugin {
    private final Map<String, Stored> policies = new ConcurrentSkipListMap<>();
    private ClusterService cluster;
    private Client client;

    private record Stored(LifecyclePolicy policy, long version, String modified) {}

    @Override
    public Collection<?> createComponents(PluginServices services) {
        cluster = services.clusterService();
        client = services.client();
        return List.of();
    }

    @Override
    public List<Setting<?>> getSettings() {
        return List.of(
            LifecycleSettings.LIFECYCLE_NAME_SETTING,
            LifecycleSettings.LIFECYCLE_INDEXING_COMPLETE_SETTING,
            LifecycleSettings.LIFECYCLE_STEP_WAIT_TIME_THRESHOLD_SETTING,
            LifecycleSettings.LIFECYCLE_SKIP_SETTING,
            LifecycleSettings.LIFECYCLE_POLL_INTERVAL_SETTING,
            RolloverAction.LIFECYCLE_ROLLOVER_ALIAS_SETTING);
    }

    @Override
    public List<NamedXContentRegistry.Entry> getNamedXContent() {
        return List.of(
            new NamedXContentRegistry.Entry(
                LifecycleType.class,
                new ParseField(TimeseriesLifecycleType.TYPE),
                parser -> TimeseriesLifecycleType.INSTANCE),
            action(AllocateAction.NAME, AllocateAction::parse),
            action(DeleteAction.NAME, DeleteAction::parse),
            action(DownsampleAction.NAME, DownsampleAction::parse),
            action(ForceMergeAction.NAME, ForceMergeAction::parse),
            action(MigrateAction.NAME, MigrateAction::parse),
            action(ReadOnlyAction.NAME, ReadOnlyAction::parse),
            action(RolloverAction.NAME, RolloverAction::parse),
            action(SearchableSnapshotAction.NAME, SearchableSnapshotAction::parse),
            action(SetPriorityAction.NAME, SetPriorityAction::parse),
            action(ShrinkAction.NAME, ShrinkAction::parse),
            action(UnfollowAction.NAME, UnfollowAction::parse),
            action(WaitForSnapshotAction.NAME, WaitForSnapshotAction::parse));
    }

    private static NamedXContentRegistry.Entry action(
        String name, CheckedFunction<XContentParser, LifecycleAction, java.io.IOException> parse) {
        return new NamedXContentRegistry.Entry(LifecycleAction.class, new ParseField(name), parse);
    }

    @Override
    public Map<String, Mapper.TypeParser> getMappers() {
        return Map.of(
            "match_only_text", TextFieldMapper.PARSER,
            "wildcard", KeywordFieldMapper.PARSER,
            "constant_keyword", without("value", KeywordFieldMapper.PARSER),
            "scaled_float",
            without("scaling_factor", NumberFieldMapper.NumberType.DOUBLE.parser()));
    }

    private static Mapper.TypeParser without(String parameter, Mapper.TypeParser standIn) {
        return (name, node, context) -> {
            node.remove(parameter);
            return standIn.parse(name, node, context);
        };
    }

    @Override
    public Collection<RestHandler> getRestHandlers(
        RestHandlersServices services,
        Supplier<DiscoveryNodes> nodes,
        Predicate<NodeFeature> clusterSupportsFeature) {
        return List.of(
            new Endpoint(PUT, "/_ilm/policy/{name}", this::putPolicy),
            new Endpoint(GET, "/_ilm/policy/{name}", this::getPolicies),
            new Endpoint(GET, "/_ilm/policy", this::getPolicies),
            new Endpoint(DELETE, "/_ilm/policy/{name}", this::deletePolicy),
            new Endpoint(GET, "/_data_stream/{name}", this::getDataStreams),
            new Endpoint(GET, "/_data_stream", this::getDataStreams),
            new Endpoint(PUT, "/_data_stream/{name}", this::createDataStream),
            new Endpoint(DELETE, "/_data_stream/{name}", this::deleteDataStreams));
    }

    private Endpoint.Answer putPolicy(RestRequest request) throws java.io.IOException {
        String name = request.param("name");
        PutLifecycleRequest put;
        try (XContentParser parser = request.contentParser()) {
            put = PutLifecycleRequest.parseRequest(new Named(name), parser);
        }
        LifecyclePolicy.validatePolicyName(name);
        var refused = put.validate();
        if (refused != null) {
            throw refused;
        }
        policies.compute(
            name,
            (key, old) -> {
                long version = old == null ? 1 : old.version() + 1;
                return new Stored(put.getPolicy(), version, Instant.now().toString());
            });
        return Endpoint.answer(Map.of("acknowledged", true));
    }

    private record Named(String getPolicyName) implements PutLifecycleRequest.Factory {
        @Override
        public PutLifecycleRequest create(LifecyclePolicy policy) {
            return new PutLifecycleRequest(TimeValue.MAX_VALUE, TimeValue.MAX_VALUE, policy);
        }
    }

    private Endpoint.Answer getPolicies(RestRequest request) {
        String name = request.param("name", "*");
        Map<String, Object> found = new TreeMap<>();
        policies.forEach(
            (key, stored) -> {
                if (Regex.simpleMatch(name, key)) {
                    found.put(
                        key,
                        Map.of(
                            "version", stored.version(),
                            "modified_date", stored.modified(),
                            "policy", stored.policy()));
                }
            });
        if (found.isEmpty() && !Regex.isSimpleMatchPattern(name)) {
            throw new ResourceNotFoundException("Lifecycle policy not found: [{}]", name);
        }
        return Endpoint.answer(found);
    }

    private Endpoint.Answer deletePolicy(RestRequest request) {
        String name = request.param("name");
        List<String> users =
            cluster.state().metadata().getProject(ProjectId.DEFAULT).indices().values().stream()
                .filter(index -> name.equals(index.getLifecyclePolicyName()))
                .map(index -> index.getIndex().getName())
                .sorted()
                .toList();
        if (!users.isEmpty()) {
            throw new IllegalArgumentException(
                "Cannot delete policy [" + name + "]. It is in use by one or more indices: " + users);
        }
        if (policies.remove(name) == null) {
            throw new ResourceNotFoundException("Lifecycle policy not found: {}", name);
        }
        return Endpoint.answer(Map.of("acknowledged", true));
    }

    private Endpoint.Answer getDataStreams(RestRequest request) {
        String name = request.param("name", "*");
        return Endpoint.answer(Map.of("data_streams", new DataStreams(cluster).describe(name)));
    }

    private Endpoint.Answer createDataStream(RestRequest request) {
        var wanted = new CreateIndexRequest(request.param("name"));
        return listener ->
            client.execute(
                AutoCreateAction.INSTANCE,
                wanted,
                listener.map(done -> Map.of("acknowledged", done.isAcknowledged())));
    }

    private Endpoint.Answer deleteDataStreams(RestRequest request) {
        String name = request.param("name");
        return listener -> new DataStreams(cluster).delete(name, listener);
    }
}
