// Uses the generated client in Java: Main ADDRESS TOKEN SOURCE.

import client.ApiClient;
import client.ApiException;
import client.api.ImgixApi;
import client.api.SearchApi;
import client.api.ServiceApi;
import client.model.Errors;
import client.model.Session;
import java.util.List;
import java.util.Objects;

public class Main {
    static void check(boolean condition, Object what) {
        if (!condition) {
            System.err.println("unexpected: " + what);
            System.exit(1);
        }
    }

    static ApiClient client(String address, String token) {
        ApiClient client = new ApiClient();
        client.updateBaseUri(address);
        if (token != null) {
            client.setRequestInterceptor(request -> request.header("Authorization", "Bearer " + token));
        }
        return client;
    }

    public static void main(String[] arguments) throws Exception {
        String address = arguments[0], token = arguments[1], source = arguments[2];
        ApiClient client = client(address, token);
        SearchApi search = new SearchApi(client);

        var sources = search.sources().getData();
        check(sources.size() == 1 && sources.get(0).getName().equals(source), sources);
        check(sources.get(0).getAssets() == 12, sources);

        var answer = search.searchWithHttpInfo("cat", null, null, null, null, 1L, null, List.of("type", "ext"), null, null, true, null, null);
        var page = answer.getData();
        check(answer.getHeaders().containsKey("etag"), answer.getHeaders());
        check(page.getMeta().getTotal().getValue() == 4, page);
        check(page.getData().size() == 1 && !page.getData().get(0).getHighlights().isEmpty(), page);
        check(!page.getFacets().get("type").getBuckets().isEmpty() && !page.getFacets().get("ext").getMore(), page);
        var next = search.search("cat", null, null, null, null, 1L, page.getMeta().getCursor().getNext(), null, null, null, null, null, null);
        check(!next.getData().get(0).getPath().equals(page.getData().get(0).getPath()), next);

        var asset = search.asset(source, "/été/ça va.webp", null, null).getData();
        check(asset.getSize() == 7 && asset.getExt().equals("webp"), asset);
        check(asset.getLastModified().getYear() > 2020, asset);

        var explained = search.explain(source, "/none.jpg").getData();
        check(!explained.getSearchable() && explained.getFacts().getAdmitted(), explained);

        ServiceApi service = new ServiceApi(client);
        var status = service.status();
        check(status.getSources().get(0).getAssets() == 12 && status.getUptimeSeconds() >= 0, status);
        Session session = service.session();
        check(session.getAuthenticated() && session.getRight() == Session.RightEnum.READ, session);

        ImgixApi imgix = new ImgixApi(client);
        var all = imgix.imgixSources(null, null, null, null, null, null, null, null, null, null, null, null, null, null).getData();
        check(all.get(0).getAttributes().getName().equals(source), all);
        var one = imgix.imgixAsset(all.get(0).getId(), "cat.jpg", null).getData();
        check(one.getAttributes().getOriginPath().equals("/cat.jpg") && one.getAttributes().getMediaWidth() == null, one);

        try {
            search.search("size:>big", null, null, null, null, null, null, null, null, null, null, null, null);
            check(false, "an answer to a query that is none");
        } catch (ApiException error) {
            var errors = client.getObjectMapper().readValue(error.getResponseBody(), Errors.class).getErrors();
            check(error.getCode() == 400 && errors.get(0).getCode().equals("query_invalid"), errors);
            check(Objects.equals(errors.get(0).getSource().getParameter(), "q") && errors.get(0).getMeta().getColumn() == 1, errors);
        }
        try {
            new SearchApi(client(address, null)).sources();
            check(false, "an answer without a token");
        } catch (ApiException error) {
            check(error.getCode() == 401, error);
        }
        System.out.println("all answers were as expected");
    }
}
