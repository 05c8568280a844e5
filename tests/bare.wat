;; A step of nothing but memory: its description lies there, `run` is put in.
(component
    (core module $code
        (memory (export "memory") 1)
        ;; The description: name, version, summary, inputs, outputs, services, and three flags.
        (data (i32.const 16)
            "\80\00\00\00\04\00\00\00" "\88\00\00\00\05\00\00\00" "\80\00\00\00\04\00\00\00"
            "\c0\00\00\00\11\00\00\00" "\c0\00\00\00\11\00\00\00" "\00\00\00\00\00\00\00\00" "\00\00\00\00")
        (data (i32.const 128) "bare")
        (data (i32.const 136) "1.0.0")
        ;; Two results: well, and the text `no JSON`.
        (data (i32.const 160) "\00\00\00\00" "\b0\00\00\00\07\00\00\00")
        (data (i32.const 176) "no JSON")
        (data (i32.const 192) "{\"type\":\"object\"}")
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
        (func (export "describe") (result i32) (i32.const 16))
        ;; RUN
    )
    (core instance $code (instantiate $code))
    (type $category' (enum "invalid-input" "refused" "unavailable" "gate" "internal"))
    (export $category "failure-category" (type $category'))
    (type $failure' (record (field "category" $category) (field "message" string) (field "hint" (option string))
        (field "outputs" (option string))))
    (export $failure "failure" (type $failure'))
    (type $need' (record (field "service" string) (field "method" string) (field "path" string) (field "reason" string)))
    (export $need "service-need" (type $need'))
    (type $needs' (record (field "services" (list $need)) (field "scoring" bool) (field "artifacts" bool)
        (field "removes" bool)))
    (export $needs "needs" (type $needs'))
    (type $info' (record (field "name" string) (field "version" string) (field "summary" string)
        (field "inputs" string) (field "outputs" string) (field "needs" $needs)))
    (export $info "step-info" (type $info'))
    (func $describe (result $info)
        (canon lift (core func $code "describe") (memory (core memory $code "memory")) (realloc (core func $code "realloc"))))
    (func $run (param "inputs" string) (result (result string (error $failure)))
        (canon lift (core func $code "run") (memory (core memory $code "memory")) (realloc (core func $code "realloc"))))
    (instance $step
        (export "service-need" (type $need)) (export "needs" (type $needs)) (export "step-info" (type $info))
        (export "failure" (type $failure)) (export "describe" (func $describe)) (export "run" (func $run)))
    (export "stepwise:step/step@1.0.0" (instance $step)))
