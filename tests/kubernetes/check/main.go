// Checks Kubernetes and OpenShift manifests as an API server reads them: strictly (no unknown or duplicate field), the
// objects of a Template too, and every pod against the "restricted" Pod Security Standard.
//
// usage: check FILE.yaml...
//
//	check --print FILE.yaml [NAME=VALUE]...   prints its objects as a JSON list, those of a Template as `oc process` does
//
// exit 0: all good, 1: something is wrong, 2: wrong usage
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	buildv1 "github.com/openshift/api/build/v1"
	imagev1 "github.com/openshift/api/image/v1"
	routev1 "github.com/openshift/api/route/v1"
	templatev1 "github.com/openshift/api/template/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"
	podsecurity "k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

type checker struct {
	decoder  runtime.Decoder
	standard policy.Evaluator
}

func newChecker() (*checker, error) {
	kinds := runtime.NewScheme()
	for _, install := range []func(*runtime.Scheme) error{
		scheme.AddToScheme, buildv1.Install, imagev1.Install, routev1.Install, templatev1.Install,
	} {
		if err := install(kinds); err != nil {
			return nil, err
		}
	}
	standard, err := policy.NewEvaluator(policy.DefaultChecks())
	decoder := serializer.NewCodecFactory(kinds, serializer.EnableStrict).UniversalDeserializer()
	return &checker{decoder, standard}, err
}

// object returns what is wrong with one object.
func (c *checker) object(document []byte) []error {
	decoded, _, err := c.decoder.Decode(document, nil, nil)
	if err != nil {
		return []error{err}
	}
	switch o := decoded.(type) {
	case *batchv1.Job:
		return c.pod(&o.Spec.Template.ObjectMeta, &o.Spec.Template.Spec)
	case *batchv1.CronJob:
		template := &o.Spec.JobTemplate.Spec.Template
		return c.pod(&template.ObjectMeta, &template.Spec)
	case *corev1.Pod:
		return c.pod(&o.ObjectMeta, &o.Spec)
	case *templatev1.Template:
		objects, err := process(o, nil)
		if err != nil {
			return []error{err}
		}
		var wrong []error
		for _, inner := range objects {
			wrong = append(wrong, c.object(inner)...)
		}
		return wrong
	}
	return nil
}

func (c *checker) pod(meta *metav1.ObjectMeta, spec *corev1.PodSpec) []error {
	restricted := podsecurity.LevelVersion{Level: podsecurity.LevelRestricted, Version: podsecurity.LatestVersion()}
	result := policy.AggregateCheckResults(c.standard.EvaluatePod(restricted, meta, spec))
	if !result.Allowed {
		return []error{fmt.Errorf("not allowed by the restricted standard: %s", result.ForbiddenDetail())}
	}
	return nil
}

// documents returns the YAML documents of a file.
func documents(name string) ([][]byte, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	reader := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	var all [][]byte
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		all = append(all, document)
	}
}

func (c *checker) file(name string) []error {
	all, err := documents(name)
	wrong := []error{}
	if err != nil {
		return append(wrong, err)
	}
	for _, document := range all {
		wrong = append(wrong, c.object(document)...)
	}
	return wrong
}

// process returns the objects of a template with its parameters' values; what would be generated is `generated`.
func process(template *templatev1.Template, given map[string]string) ([][]byte, error) {
	values, used := map[string]string{}, map[string]bool{}
	for _, parameter := range template.Parameters {
		value := parameter.Value
		if parameter.Generate != "" {
			value = "generated"
		}
		values[parameter.Name] = value
	}
	for name, value := range given {
		if _, known := values[name]; !known {
			return nil, fmt.Errorf("there is no parameter %s", name)
		}
		values[name] = value
	}
	var unknown []error
	value := func(name string) string {
		value, known := values[name]
		if !known {
			unknown = append(unknown, fmt.Errorf("there is no parameter %s", name))
		}
		used[name] = true
		return value
	}
	expand := func(text string) any {
		if name, whole := jsonParameter(text); whole {
			var found any
			if err := json.Unmarshal([]byte(value(name)), &found); err != nil {
				unknown = append(unknown, fmt.Errorf("parameter %s is not JSON: %w", name, err))
			}
			return found
		}
		return expanded(text, value)
	}
	var objects [][]byte
	for _, inner := range template.Objects {
		var object any
		if err := json.Unmarshal(inner.Raw, &object); err != nil {
			return nil, err
		}
		text, err := json.Marshal(mapped(object, expand))
		if err != nil {
			return nil, err
		}
		objects = append(objects, text)
	}
	for name := range values {
		if !used[name] {
			unknown = append(unknown, fmt.Errorf("nothing uses parameter %s", name))
		}
	}
	return objects, errors.Join(unknown...)
}

// jsonParameter returns the name of a text that is ${{NAME}}: the parameter's value in its place is JSON, not a text.
func jsonParameter(text string) (string, bool) {
	rest, begins := strings.CutPrefix(text, "${{")
	name, ends := strings.CutSuffix(rest, "}}")
	return name, begins && ends
}

// expanded replaces each ${NAME}.
func expanded(text string, value func(string) string) string {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(text, "${")
		name, after, closed := strings.Cut(rest, "}")
		out.WriteString(before)
		if !found || !closed {
			return out.String()
		}
		out.WriteString(value(name))
		text = after
	}
}

// mapped changes every text of a JSON value.
func mapped(value any, change func(string) any) any {
	switch v := value.(type) {
	case string:
		return change(v)
	case []any:
		for i := range v {
			v[i] = mapped(v[i], change)
		}
	case map[string]any:
		for key := range v {
			v[key] = mapped(v[key], change)
		}
	}
	return value
}

// print prints the objects of a file as a list.
func (c *checker) print(file string, arguments []string) error {
	given := map[string]string{}
	for _, argument := range arguments {
		name, value, _ := strings.Cut(argument, "=")
		given[name] = value
	}
	all, err := documents(file)
	if err != nil {
		return err
	}
	items := []json.RawMessage{}
	for _, document := range all {
		text, err := yaml.ToJSON(document)
		if err != nil {
			return err
		}
		objects := [][]byte{text}
		if decoded, _, err := c.decoder.Decode(document, nil, nil); err != nil {
			return err
		} else if template, is := decoded.(*templatev1.Template); is {
			if objects, err = process(template, given); err != nil {
				return err
			}
		}
		for _, object := range objects {
			items = append(items, object)
		}
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{"apiVersion": "v1", "kind": "List", "items": items})
}

func main() {
	files := os.Args[1:]
	c, err := newChecker()
	if err != nil || len(files) == 0 {
		fmt.Fprintln(os.Stderr, "usage: check [--print] FILE.yaml...", err)
		os.Exit(2)
	}
	if files[0] == "--print" && len(files) > 1 {
		if err := c.print(files[1], files[2:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	code := 0
	for _, name := range files {
		for _, err := range c.file(name) {
			fmt.Printf("%s: %v\n", name, err)
			code = 1
		}
	}
	os.Exit(code)
}
