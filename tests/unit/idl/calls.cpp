// SPDX-License-Identifier: MIT
// The C++ half of test_calls.c: interfaces as classes, references for REFIID, an object of our own.
#define INITGUID // as VDS sources do; the library defines the identifiers too, and both may
#include "calls.h"

namespace {

class Sink final : public IVdsAdviseSink {
public:
    HRESULT STDMETHODCALLTYPE QueryInterface(REFIID riid, void **object) override
    {
        *object = riid == IID_IUnknown || riid == IID_IVdsAdviseSink ? this : nullptr;
        if (!*object)
            return E_NOINTERFACE;
        AddRef();
        return S_OK;
    }
    ULONG STDMETHODCALLTYPE AddRef() override
    {
        return ++references;
    }
    ULONG STDMETHODCALLTYPE Release() override
    {
        ULONG left = --references;
        if (!left)
            delete this;
        return left;
    }
    HRESULT STDMETHODCALLTYPE OnNotify(LONG n, VDS_NOTIFICATION *) override
    {
        return 0x100 + n;
    }

private:
    ULONG references = 1;
};

} // namespace

extern "C" HRESULT cxx_add_portal(IVdsIscsiPortalGroup *p, VDS_OBJECT_ID portal)
{
    IVdsAsync *async = nullptr;

    return p->AddPortal(portal, &async);
}

extern "C" HRESULT cxx_query(IVdsIscsiPortalGroup *p, const IID *iid)
{
    void *object = nullptr;
    HRESULT hr = p->QueryInterface(*iid, &object);

    if (SUCCEEDED(hr))
        static_cast<IUnknown *>(object)->Release();
    return hr;
}

extern "C" IVdsAdviseSink *cxx_sink(void)
{
    return new Sink;
}
