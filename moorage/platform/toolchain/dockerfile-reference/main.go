// Command dockerfile-reference tells how BuildKit itself reads Dockerfiles: the tests hold Moorage's reader against it.
//
// Each line of standard input is a JSON object {"text", "args", "platform"}; each line of standard output is the answer:
// {"error"} for what BuildKit refuses, else {"instructions", "paths", "images"} of all stages together.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"os"
	"slices"
	"strings"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerui"
	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

const largest = 16 << 20

type question struct {
	Text     string            `json:"text"`
	Args     map[string]string `json:"args"`
	Platform string            `json:"platform"`
}

type heredoc struct {
	Name    string `json:"name"`
	Content string `json:"content"`
}

type instruction struct {
	Keyword  string    `json:"keyword"`
	Line     int       `json:"line"`
	End      int       `json:"end"`
	Flags    []string  `json:"flags"`
	Heredocs []heredoc `json:"heredocs"`
}

type answer struct {
	Error        string        `json:"error,omitempty"`
	Instructions []instruction `json:"instructions,omitempty"`
	Paths        []string      `json:"paths"`
	Images       []string      `json:"images"`
}

// noRegistry knows every image, and none has a configuration.
type noRegistry struct{}

func (noRegistry) ResolveImageConfig(
	_ context.Context, ref string, opt sourceresolver.Opt,
) (string, digest.Digest, []byte, error) {
	platform := platforms.DefaultSpec()
	if opt.ImageOpt != nil && opt.ImageOpt.Platform != nil {
		platform = *opt.ImageOpt.Platform
	}
	// An image without layers would be as good as scratch.
	layers := ocispecs.RootFS{Type: "layers", DiffIDs: []digest.Digest{digest.FromString(ref)}}
	config, err := json.Marshal(ocispecs.Image{Platform: platform, RootFS: layers})
	return ref, digest.FromBytes(config), config, err
}

func main() {
	input := bufio.NewScanner(os.Stdin)
	input.Buffer(nil, largest)
	output := json.NewEncoder(os.Stdout)
	for input.Scan() {
		var asked question
		if err := json.Unmarshal(input.Bytes(), &asked); err != nil {
			panic(err)
		}
		found, err := read(asked)
		if err != nil {
			found = answer{Error: err.Error()}
		}
		if err := output.Encode(found); err != nil {
			panic(err)
		}
	}
}

func read(asked question) (answer, error) {
	parsed, err := parser.Parse(bytes.NewReader([]byte(asked.Text)))
	if err != nil {
		return answer{}, err
	}
	var found answer
	for _, node := range parsed.AST.Children {
		entry := instruction{Keyword: strings.ToUpper(node.Value), Line: node.StartLine, End: node.EndLine, Flags: node.Flags}
		for _, each := range node.Heredocs {
			content := each.Content
			if each.Chomp {
				content = parser.ChompHeredocContent(content)
			}
			entry.Heredocs = append(entry.Heredocs, heredoc{each.Name, content})
		}
		found.Instructions = append(found.Instructions, entry)
	}
	stages, _, err := instructions.Parse(parsed.AST, nil)
	if err != nil {
		return answer{}, err
	}
	// Each stage as the last one: what nothing is built on counts as well. Without any, BuildKit says what is wrong.
	lines := strings.SplitAfter(asked.Text, "\n")
	for number := range max(len(stages), 1) {
		text := asked.Text
		if number+1 < len(stages) {
			text = strings.Join(lines[:stages[number+1].Location[0].Start.Line-1], "")
		}
		definition, err := converted(asked, text)
		if err != nil {
			return answer{}, err
		}
		if err := collect(definition, &found); err != nil {
			return answer{}, err
		}
	}
	found.Paths = unique(found.Paths)
	found.Images = unique(found.Images)
	return found, nil
}

func converted(asked question, text string) (*llb.Definition, error) {
	platform, err := platforms.Parse(asked.Platform)
	if err != nil {
		return nil, err
	}
	result, err := dockerfile2llb.Dockerfile2LLB(context.Background(), []byte(text), dockerfile2llb.ConvertOpt{
		Config:         dockerui.Config{BuildArgs: asked.Args, BuildPlatforms: []ocispecs.Platform{platforms.DefaultSpec()}},
		TargetPlatform: &platform,
		MetaResolver:   noRegistry{},
	})
	if err != nil {
		return nil, err
	}
	return result.State.Marshal(context.Background(), llb.Platform(platform))
}

// collect adds what a build takes of its context, and the images that it is made from.
func collect(definition *llb.Definition, found *answer) error {
	for _, raw := range definition.Def {
		var op pb.Op
		if err := op.UnmarshalVT(raw); err != nil {
			return err
		}
		source := op.GetSource()
		if source == nil {
			continue
		}
		if image, ok := strings.CutPrefix(source.Identifier, "docker-image://"); ok {
			found.Images = append(found.Images, image)
		}
		if !strings.HasPrefix(source.Identifier, "local://") {
			continue
		}
		paths := []string{"."}
		if listed, ok := source.Attrs[pb.AttrFollowPaths]; ok {
			if err := json.Unmarshal([]byte(listed), &paths); err != nil {
				return err
			}
		}
		found.Paths = append(found.Paths, paths...)
	}
	return nil
}

func unique(words []string) []string {
	slices.Sort(words)
	return slices.Compact(words)
}
