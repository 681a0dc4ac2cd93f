// Uses the generated client in Go: main ADDRESS TOKEN SOURCE.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"

	"clients/client"
)

func check(condition bool, what any) {
	if !condition {
		fmt.Fprintf(os.Stderr, "unexpected: %v\n", what)
		os.Exit(1)
	}
}

func main() {
	address, token, source := os.Args[1], os.Args[2], os.Args[3]
	configuration := client.NewConfiguration()
	configuration.Servers = client.ServerConfigurations{{URL: address}}
	api := client.NewAPIClient(configuration)
	ctx := context.WithValue(context.Background(), client.ContextAccessToken, token)

	sources, _, err := api.SearchAPI.Sources(ctx).Execute()
	check(err == nil && len(sources.Data) == 1, err)
	check(sources.Data[0].Name == source && *sources.Data[0].Assets.Get() == 12, sources.Data[0])

	page, response, err := api.SearchAPI.Search(ctx).Q("cat").Limit(1).Facets([]string{"type", "ext"}).Highlights(true).Execute()
	check(err == nil && response.Header.Get("ETag") != "", err)
	check(page.Meta.Total.Value == 4 && page.Meta.Total.Relation == "eq", page.Meta)
	check(len(page.Data) == 1 && len(page.Data[0].Highlights) > 0, page.Data)
	check(len(page.Facets["type"].Buckets) > 0 && !page.Facets["ext"].More, page.Facets)
	next, _, err := api.SearchAPI.Search(ctx).Q("cat").Limit(1).Cursor(*page.Meta.Cursor.Next.Get()).Execute()
	check(err == nil && next.Data[0].GetPath() != page.Data[0].GetPath(), err)

	asset, _, err := api.SearchAPI.Asset(ctx).Source(source).Path("/été/ça va.webp").Execute()
	check(err == nil && asset.Data.GetSize() == 7, err)
	check(*asset.Data.Ext.Get() == "webp" && asset.Data.GetLastModified().Year() > 2020, asset.Data)

	explained, _, err := api.SearchAPI.Explain(ctx).Source(source).Path("/none.jpg").Execute()
	check(err == nil && !*explained.Data.Searchable.Get(), err)
	check(explained.Data.Facts.Index.State == "known" && explained.Data.Facts.Admitted, explained.Data)

	status, _, err := api.ServiceAPI.Status(ctx).Execute()
	check(err == nil && status.Sources[0].Assets == 12, err)
	check(status.Index.State == "open" && status.UptimeSeconds >= 0, status.Index)

	session, _, err := api.ServiceAPI.Session(ctx).Execute()
	check(err == nil && session.Authenticated && session.GetRight() == "read", err)

	all, _, err := api.ImgixAPI.ImgixSources(ctx).Execute()
	check(err == nil && *all.Data[0].Attributes.Name == source, err)
	assets, _, err := api.ImgixAPI.ImgixAssets(ctx, all.Data[0].Id).FilterKeyword("cat").PageLimit(2).Execute()
	check(err == nil && len(assets.Data) == 2 && assets.Data[0].Attributes.MediaWidth.Get() == nil, err)
	one, _, err := api.ImgixAPI.ImgixAsset(ctx, all.Data[0].Id, "cat.jpg").Execute()
	check(err == nil && *one.Data.Attributes.OriginPath == "/cat.jpg", err)

	_, response, err = api.SearchAPI.Search(ctx).Q("size:>big").Execute()
	var failure *client.GenericOpenAPIError
	check(errors.As(err, &failure) && response.StatusCode == http.StatusBadRequest, err)
	found, isDocument := failure.Model().(client.Errors)
	check(isDocument && found.Errors[0].Code == "query_invalid", found)
	check(*found.Errors[0].Source.Parameter == "q" && *found.Errors[0].Meta.Column == 1, found)
	_, response, err = api.SearchAPI.Search(context.Background()).Execute()
	check(err != nil && response.StatusCode == http.StatusUnauthorized, err)
	fmt.Println("all answers were as expected")
}
