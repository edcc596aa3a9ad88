package shipper.testplugin;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

import org.elasticsearch.action.ActionListener;
import org.elasticsearch.client.internal.node.NodeClient;
import org.elasticsearch.rest.BaseRestHandler;
import org.elasticsearch.rest.RestChannel;
import org.elasticsearch.rest.RestRequest;
import org.elasticsearch.rest.RestResponse;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.rest.action.RestActionListener;

/** One route: reads its request at once, as the server demands, and answers with a JSON object. */
final class Endpoint extends BaseRestHandler {
    interface Answer extends Consumer<ActionListener<Map<String, Object>>> {}

    interface Handler {
        Answer read(RestRequest request) throws IOException;
    }

    private final RestRequest.Method method;
    private final String path;
    private final Handler handler;

    Endpoint(RestRequest.Method method, String path, Handler handler) {
        this.method = method;
        this.path = path;
        this.handler = handler;
    }

    static Answer answer(Map<String, Object> body) {
        return listener -> listener.onResponse(body);
    }

    @Override
    public String getName() {
        return "test_plugin " + method + " " + path;
    }

    @Override
    public List<Route> routes() {
        return List.of(new Route(method, path));
    }

    @Override
    protected RestChannelConsumer prepareRequest(RestRequest request, NodeClient client)
        throws IOException {
        List.of("master_timeout", "timeout", "expand_wildcards").forEach(request::param);
        Answer answer = handler.read(request);
        return channel -> answer.accept(new Sender(channel));
    }

    private static final class Sender extends RestActionListener<Map<String, Object>> {
        Sender(RestChannel channel) {
            super(channel);
        }

        @Override
        protected void processResponse(Map<String, Object> body) throws IOException {
            channel.sendResponse(new RestResponse(RestStatus.OK, channel.newBuilder().map(body)));
        }
    }
}
