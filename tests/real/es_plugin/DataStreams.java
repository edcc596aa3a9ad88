package shipper.testplugin;

import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

import org.elasticsearch.action.ActionListener;
import org.elasticsearch.cluster.ClusterState;
import org.elasticsearch.cluster.ClusterStateUpdateTask;
import org.elasticsearch.cluster.metadata.DataStream;
import org.elasticsearch.cluster.metadata.MetadataDeleteIndexService;
import org.elasticsearch.cluster.metadata.MetadataIndexTemplateService;
import org.elasticsearch.cluster.metadata.ProjectId;
import org.elasticsearch.cluster.metadata.ProjectMetadata;
import org.elasticsearch.cluster.service.ClusterService;
import org.elasticsearch.common.regex.Regex;
import org.elasticsearch.index.Index;
import org.elasticsearch.index.IndexNotFoundException;

/** The data streams of the cluster state, described and deleted by name or pattern. */
record DataStreams(ClusterService cluster) {

    List<Map<String, Object>> describe(String name) {
        ProjectMetadata project = cluster.state().metadata().getProject(ProjectId.DEFAULT);
        return matching(project, name).stream().map(stream -> describe(project, stream)).toList();
    }

    private static Map<String, Object> describe(ProjectMetadata project, DataStream stream) {
        String template = MetadataIndexTemplateService.findV2Template(project, stream.getName(), false);
        return Map.of(
            "name", stream.getName(),
            "generation", stream.getGeneration(),
            "template", template == null ? "" : template,
            "timestamp_field", Map.of("name", DataStream.TIMESTAMP_FIELD_NAME),
            "indices", describe(stream.getIndices()),
            "failure_store", Map.of("indices", describe(stream.getFailureIndices())));
    }

    private static List<Map<String, String>> describe(List<Index> indices) {
        return indices.stream()
            .map(index -> Map.of("index_name", index.getName(), "index_uuid", index.getUUID()))
            .toList();
    }

    private static List<DataStream> matching(ProjectMetadata project, String name) {
        List<DataStream> found =
            project.dataStreams().values().stream()
                .filter(stream -> Regex.simpleMatch(name, stream.getName()))
                .toList();
        if (found.isEmpty() && !Regex.isSimpleMatchPattern(name)) {
            throw new IndexNotFoundException(name);
        }
        return found;
    }

    @SuppressWarnings("deprecation") // one task at a time is all that a test asks for
    void delete(String name, ActionListener<Map<String, Object>> listener) {
        cluster.submitUnbatchedStateUpdateTask("delete-data-stream", new ClusterStateUpdateTask() {
            @Override
            public ClusterState execute(ClusterState state) {
                return without(state, name);
            }

            @Override
            public void clusterStateProcessed(ClusterState before, ClusterState after) {
                listener.onResponse(Map.of("acknowledged", true));
            }

            @Override
            public void onFailure(Exception failure) {
                listener.onFailure(failure);
            }
        });
    }

    private ClusterState without(ClusterState state, String name) {
        ProjectMetadata project = state.metadata().getProject(ProjectId.DEFAULT);
        Set<Index> indices = new HashSet<>();
        ProjectMetadata.Builder rest = ProjectMetadata.builder(project);
        for (DataStream stream : matching(project, name)) {
            rest.removeDataStream(stream.getName());
            indices.addAll(stream.getIndices());
            indices.addAll(stream.getFailureIndices());
        }
        ClusterState streamless = ClusterState.builder(state).putProjectMetadata(rest).build();
        return MetadataDeleteIndexService.deleteIndices(
            streamless.projectState(project.id()), indices, cluster.getSettings());
    }
}
